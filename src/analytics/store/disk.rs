//! A disk in memory for tests: it fails when it is told to, and loses power.

use std::io;
use std::sync::{Arc, Mutex};

use redb::StorageBackend;

/// What was asked of the disk.
#[derive(Debug, Clone)]
pub(in crate::analytics) enum Step {
    Write(usize, Vec<u8>),
    Length(usize),
    /// All before this is on the disk.
    Sync,
}

#[derive(Debug, Default)]
struct Platter {
    /// What who reads sees.
    seen: Vec<u8>,
    /// What is left when power is lost.
    kept: Vec<u8>,
    /// What is seen and not kept yet.
    pending: Vec<Step>,
    /// All steps, if they are to be remembered.
    log: Option<Vec<Step>>,
    /// How many steps were taken.
    steps: usize,
    /// The steps that fail.
    failing: std::ops::Range<usize>,
}

/// The disk; a clone is the same one.
#[derive(Debug, Clone, Default)]
pub(in crate::analytics) struct Disk(Arc<Mutex<Platter>>);

/// Takes a step on `bytes`.
pub(in crate::analytics) fn apply(bytes: &mut Vec<u8>, step: &Step) {
    match step {
        Step::Write(at, data) => {
            let end = at + data.len();
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[*at..end].copy_from_slice(data);
        }
        Step::Length(length) => bytes.resize(*length, 0),
        Step::Sync => {}
    }
}

impl Disk {
    /// A disk that has these bytes.
    pub(in crate::analytics) fn of(bytes: Vec<u8>) -> Self {
        let disk = Self::default();
        disk.platter().kept.clone_from(&bytes);
        disk.platter().seen = bytes;
        disk
    }

    fn platter(&self) -> std::sync::MutexGuard<'_, Platter> {
        self.0.lock().unwrap()
    }

    /// The disk as the database takes hold of it.
    pub(super) fn attach(&self) -> Self {
        self.clone()
    }

    /// Has each of these steps fail, counted from the first that was ever taken.
    pub(in crate::analytics) fn fail(&self, steps: std::ops::Range<usize>) {
        self.platter().failing = steps;
    }

    /// How many steps were taken.
    pub(in crate::analytics) fn steps(&self) -> usize {
        self.platter().steps
    }

    /// Remembers all steps from now on.
    pub(in crate::analytics) fn remember(&self) {
        self.platter().log = Some(Vec::new());
    }

    /// The steps that are remembered.
    pub(in crate::analytics) fn log(&self) -> Vec<Step> {
        self.platter().log.clone().unwrap_or_default()
    }

    /// What is left when power is lost now, and nothing that was not synced has come through.
    pub(in crate::analytics) fn after_power_loss(&self) -> Self {
        Self::of(self.platter().kept.clone())
    }

    fn step(&self, step: Step) -> Result<(), io::Error> {
        let platter = &mut *self.platter();
        let number = platter.steps;
        platter.steps += 1;
        let fails = platter.failing.contains(&number);
        if let Step::Sync = step {
            // After a failed sync the system takes what it could not write for written.
            let pending = std::mem::take(&mut platter.pending);
            if !fails {
                for step in &pending {
                    apply(&mut platter.kept, step);
                }
            }
        }
        if fails {
            return Err(io::Error::from_raw_os_error(5));
        }
        if let Some(log) = &mut platter.log {
            log.push(step.clone());
        }
        apply(&mut platter.seen, &step);
        if !matches!(step, Step::Sync) {
            platter.pending.push(step);
        }
        Ok(())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.platter().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let (start, platter) = (usize::try_from(offset).unwrap(), self.platter());
        let bytes = platter.seen.get(start..start + out.len());
        let bytes = bytes.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.step(Step::Length(usize::try_from(len).unwrap()))
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        self.step(Step::Sync)
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.step(Step::Write(usize::try_from(offset).unwrap(), data.to_vec()))
    }
}
