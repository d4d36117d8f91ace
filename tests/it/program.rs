//! The program as its users have it: a folder with a site, the binary run in it, a server to be asked and ended.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use walkdir::WalkDir;

use crate::hosted::BROWSER;

/// The program.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_tallymark");

/// What takes longer than this has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// The longest that a server may take to end.
const LONGEST_END: Duration = Duration::from_secs(10);

/// The longest that a command may run on a machine that does other things as well.
const LONGEST_RUN: Duration = Duration::from_mins(2);

/// Waits until `condition` holds, looking again and again; fails if it takes too long.
#[track_caller]
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < PATIENCE, "this has not come true: {what}");
        pause();
    }
}

/// Lets others work for a moment.
pub(crate) fn pause() {
    std::thread::park_timeout(Duration::from_millis(10));
}

/// A folder for a site, with a home folder beside it.
pub(crate) struct Folder {
    scratch: TempDir,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let scratch = tempfile::tempdir_in(scratch()).unwrap();
        fs::create_dir(scratch.path().join("site")).unwrap();
        fs::create_dir(scratch.path().join("home")).unwrap();
        Self { scratch }
    }

    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let folder = Self::new();
        for (name, text) in files {
            folder.write(name, text);
        }
        folder
    }

    /// The folder that holds the site's folder and the home folder.
    pub(crate) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join("site").join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// The program with these arguments, standing in the site's folder, in an environment of its own.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command
            .args(args)
            .current_dir(self.path(""))
            .env_clear()
            .env("HOME", self.scratch.path().join("home"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end.
    #[track_caller]
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args))
    }

    /// Builds, and fails if that fails.
    #[track_caller]
    pub(crate) fn build(&self) {
        let ran = self.run(&["build"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
    }

    /// Starts a server on a port that the system chooses, and waits until it serves.
    #[track_caller]
    pub(crate) fn serve(&self, args: &[&str]) -> Server {
        Server::start(self.command(&[&["serve", "--port", "0"], args].concat()))
    }
}

/// Where folders for tests are made: in memory where there is room, for syncing a busy disk takes long.
fn scratch() -> PathBuf {
    const ROOM: u64 = 256 << 20;
    let memory = Path::new("/dev/shm");
    let has_room = rustix::fs::statvfs(memory)
        .is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) > ROOM);
    if has_room { memory.to_owned() } else { std::env::temp_dir() }
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Runs `command` to its end.
    #[track_caller]
    pub(crate) fn of(mut command: Command) -> Self {
        let mut child = Guard(command.spawn().unwrap());
        let out = read_all(child.0.stdout.take().unwrap());
        let err = read_all(child.0.stderr.take().unwrap());
        let out = out.recv_timeout(LONGEST_RUN).expect("the command ends in time");
        let err = err.recv_timeout(LONGEST_RUN).expect("the command ends in time");
        let code = child.0.wait().unwrap().code().expect("nobody has killed it");
        Self { code, out, err }
    }
}

fn read_all(mut pipe: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        let _ = sender.send(String::from_utf8(bytes).unwrap());
    });
    receiver
}

/// Ends a process of our own, whatever happens.
pub(crate) struct Guard(pub(crate) Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server that runs.
pub(crate) struct Server {
    child: Guard,
    pub(crate) address: SocketAddr,
    log: Arc<Mutex<String>>,
}

impl Server {
    #[track_caller]
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = Guard(command.stdout(Stdio::null()).spawn().unwrap());
        let log = Arc::new(Mutex::new(String::new()));
        let (found, address) = mpsc::channel();
        let (pipe, kept) = (child.0.stderr.take().unwrap(), Arc::clone(&log));
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                if let Some(url) = line.strip_prefix("serving http://") {
                    let _ = found.send(url.split('/').next().unwrap().parse().unwrap());
                }
                let mut log = kept.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        let address = address.recv_timeout(LONGEST_RUN);
        let address =
            address.map_err(|_| format!("it has not served: {}", log.lock().unwrap())).unwrap();
        Self { child, address, log }
    }

    /// What it has told so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// What it answers to a GET.
    #[track_caller]
    pub(crate) fn get(&self, target: &str) -> Answer {
        Client::new(self.address).get(target).unwrap()
    }

    /// The text of a page; empty if there is none.
    #[track_caller]
    pub(crate) fn page(&self, target: &str) -> String {
        let answer = self.get(target);
        if answer.status == 200 { answer.body } else { String::new() }
    }

    #[track_caller]
    pub(crate) fn stats(&self) -> serde_json::Value {
        serde_json::from_str(&self.get("/_/stats.json").body).unwrap()
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.0.id()
    }

    /// Asks it to end.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child.0), signal).unwrap();
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn wait(mut self) -> ExitStatus {
        let began = Instant::now();
        let mut status = None;
        until("the server has ended", || {
            status = self.child.0.try_wait().unwrap();
            status.is_some()
        });
        assert!(began.elapsed() < LONGEST_END, "{:?}", began.elapsed());
        status.unwrap()
    }

    /// Ends it without a warning.
    pub(crate) fn kill(mut self) {
        self.child.0.kill().unwrap();
        self.child.0.wait().unwrap();
    }
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// A browser's connection to a server, kept open between requests.
pub(crate) struct Client {
    address: SocketAddr,
    connection: Option<BufReader<TcpStream>>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, connection: None }
    }

    pub(crate) fn get(&mut self, target: &str) -> io::Result<Answer> {
        self.exchange(&format!("GET {target} HTTP/1.1\r\n"), "")
    }

    /// Sends an event as the script does.
    pub(crate) fn send(&mut self, event: &str) -> io::Result<Answer> {
        let address = self.address;
        let head = format!(
            "POST /_/event HTTP/1.1\r\nContent-Type: text/plain;charset=UTF-8\r\n\
             Origin: http://{address}\r\nSec-Fetch-Site: same-origin\r\n\
             Content-Length: {}\r\n",
            event.len()
        );
        self.exchange(&head, event)
    }

    /// Sends an event with these lines of the head besides.
    pub(crate) fn send_with(&mut self, event: &str, lines: &str) -> io::Result<Answer> {
        let address = self.address;
        let length = event.len();
        let head = format!(
            "POST /_/event HTTP/1.1\r\nOrigin: http://{address}\r\nContent-Length: {length}\r\n{lines}"
        );
        self.exchange(&head, event)
    }

    pub(crate) fn exchange(&mut self, head: &str, body: &str) -> io::Result<Answer> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(self.address)?,
        };
        let mut request = head.to_owned();
        let _ = write!(
            request,
            "Host: {}\r\nUser-Agent: {BROWSER}\r\nAccept-Language: en\r\n\r\n{body}",
            self.address
        );
        connection.get_mut().write_all(request.as_bytes())?;
        let answer = read_answer(&mut connection)?;
        if !answer.head.to_ascii_lowercase().contains("connection: close") {
            self.connection = Some(connection);
        }
        Ok(answer)
    }
}

fn connect(address: SocketAddr) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(BufReader::new(stream))
}

fn read_answer(connection: &mut BufReader<TcpStream>) -> io::Result<Answer> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if connection.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let status = head.get(9..12).and_then(|status| status.parse().ok());
    let status = status.ok_or(io::ErrorKind::InvalidData)?;
    let mut body = vec![0; content_length(&head)];
    connection.read_exact(&mut body)?;
    let body = String::from_utf8(body).map_err(|_| io::ErrorKind::InvalidData)?;
    Ok(Answer { status, head, body })
}

fn content_length(head: &str) -> usize {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = lines.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    lengths.next().map_or(0, |(_, length)| length.trim().parse().unwrap())
}

/// A view of `path` as the script tells of it; `number` makes its id and its visitor.
pub(crate) fn view(number: u64, path: &str) -> String {
    view_by(number, number, path)
}

/// A view by the visitor of another number.
pub(crate) fn view_by(number: u64, visitor: u64, path: &str) -> String {
    let visitor = uuid::Builder::from_random_bytes(u128::from(visitor).to_be_bytes()).into_uuid();
    format!(
        r#"{{"type":"view","view":"{number:016x}","visitor":"{visitor}","path":"{path}","width":12}}"#
    )
}

/// Every file below `folder`, hidden ones too, and what is in it; links with what they lead to.
pub(crate) fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = WalkDir::new(folder).into_iter().map(Result::unwrap);
    let files = entries.filter(|entry| !entry.file_type().is_dir());
    let contents = |path: &Path| match fs::read_link(path) {
        Ok(target) => target.into_os_string().into_encoded_bytes(),
        Err(_) => fs::read(path).unwrap(),
    };
    files
        .map(|entry| {
            let relative = entry.path().strip_prefix(folder).unwrap().to_owned();
            (relative, contents(entry.path()))
        })
        .collect()
}

/// A site with `posts` posts, some with images beside them, tags, code, links and old addresses.
pub(crate) fn sample_site(posts: usize) -> Folder {
    let folder = Folder::with(&[
        ("tallymark.toml", "base_url = \"https://example.org\"\ntitle = \"Sample\"\n"),
        ("content/home.md", "Welcome.\n"),
        (
            "content/about.md",
            "---\ntitle: About\nshow_in_nav: true\n---\n\nSee [a post](blog/post-1.md).\n",
        ),
        ("static/robots-note.txt", "be kind\n"),
    ]);
    for number in 1..=posts {
        let name = match number % 7 {
            0 => format!("content/blog/post-{number}/index.md"),
            _ => format!("content/blog/post-{number}.md"),
        };
        folder.write(&name, &sample_post(number));
        if number.is_multiple_of(7) {
            folder.write(&format!("content/blog/post-{number}/notes.txt"), "beside the post\n");
        }
    }
    folder
}

/// The source of a post of [`sample_site`].
pub(crate) fn sample_post(number: usize) -> String {
    let (month, day, tag) = (number % 12 + 1, number % 28 + 1, number % 5);
    format!(
        "---\ntitle: Post {number}\ndate: 2025-{month:02}-{day:02}\ntags: [all, tag-{tag}]\n\
         aliases: [/old/{number}/]\n---\n\nThe text of post {number}.\n\n## A part\n\n\
         ```rust\nfn main() {{ println!(\"{number}\"); }}\n```\n"
    )
}
