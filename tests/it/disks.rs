//! Disks that are full, or that cannot be written to. Only root can mount them.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Whether a command was done; a test is passed over without it, which is told.
fn is_done(command: &mut Command) -> bool {
    let is_done = command.output().is_ok_and(|done| done.status.success());
    #[expect(clippy::print_stderr, reason = "who runs the tests must know what was not tested")]
    if !is_done {
        eprintln!("passed over: a disk is needed, and `{command:?}` fails, as for all but root");
    }
    is_done
}

fn unmount(folder: &Path) {
    let _ = Command::new("umount").arg("-l").arg(folder).status();
}

/// A small disk in memory, gone when dropped.
pub(crate) struct SmallDisk {
    pub(crate) folder: PathBuf,
}

impl SmallDisk {
    /// None where one cannot be had, which is told.
    pub(crate) fn mount(folder: PathBuf, size: &str) -> Option<Self> {
        fs::create_dir_all(&folder).unwrap();
        let size = format!("size={size}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&folder);
        is_done(&mut mount).then_some(Self { folder })
    }

    /// Fills what is left.
    pub(crate) fn fill(&self) {
        let mut filler = fs::File::create(self.folder.join("filler")).unwrap();
        for piece in [vec![0; 64 << 10], vec![0; 512], vec![0; 1]] {
            while filler.write_all(&piece).is_ok() {}
        }
    }

    /// Allows writing to it, or not.
    pub(crate) fn remount(&self, mode: &str) {
        let options = format!("remount,{mode}");
        let status = Command::new("mount").args(["-o", &options]).arg(&self.folder).status();
        assert!(status.unwrap().success(), "{options}");
    }

    /// Gives the space back.
    pub(crate) fn empty(&self) {
        fs::remove_file(self.folder.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        unmount(&self.folder);
    }
}

/// A disk of blocks, which can fail, and be exchanged for a sound one with the same files.
pub(crate) struct BlockDisk {
    pub(crate) folder: PathBuf,
    image: PathBuf,
}

impl BlockDisk {
    /// None where one cannot be had, which is told.
    pub(crate) fn mount(folder: PathBuf) -> Option<Self> {
        fs::create_dir_all(&folder).unwrap();
        let image = folder.with_extension("image");
        fs::File::create(&image).unwrap().set_len(32 << 20).unwrap();
        let disk = Self { folder, image };
        (is_done(Command::new("mkfs.ext4").arg("-q").arg(&disk.image)) && disk.attach())
            .then_some(disk)
    }

    fn attach(&self) -> bool {
        is_done(Command::new("mount").args(["-o", "loop"]).args([&self.image, &self.folder]))
    }

    /// From now on nothing can be written, by whoever has what open, as after an error of its blocks.
    pub(crate) fn fail(&self) {
        assert!(is_done(Command::new("mount").args(["-o", "remount,abort"]).arg(&self.folder)));
    }

    /// Puts a sound disk in its place, with what was durable.
    pub(crate) fn exchange(&mut self) {
        let sound = self.image.with_extension("sound");
        fs::copy(&self.image, &sound).unwrap();
        unmount(&self.folder);
        self.image = sound;
        assert!(self.attach());
    }
}

impl Drop for BlockDisk {
    fn drop(&mut self) {
        unmount(&self.folder);
    }
}
