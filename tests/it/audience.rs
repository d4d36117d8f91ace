//! Many who look at the dashboard at once: they cost little, hold nobody up, and leave nothing behind.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::flood::memory;
use crate::program::{Client, Server, sample_site, until, view_by};

/// How many dashboards are open.
const DASHBOARDS: usize = 500;

/// What they may take together.
const MEMORY: u64 = 20 << 20;

/// An open dashboard.
struct Dashboard {
    stream: TcpStream,
    heard: String,
}

impl Dashboard {
    fn open(server: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(server).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(b"GET /_/stats/live HTTP/1.1\r\nhost: example.org\r\n\r\n").unwrap();
        Self { stream, heard: String::new() }
    }

    /// Reads until it has been told `what`.
    fn until_told(&mut self, what: &str) {
        let mut bytes = [0; 4096];
        while !self.heard.contains(what) {
            let count = self.stream.read(&mut bytes).unwrap();
            assert!(count > 0, "the stream has ended after `{}`", self.heard);
            self.heard.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    }
}

/// How many descriptors the server has open.
fn descriptors(server: &Server) -> usize {
    fs::read_dir(format!("/proc/{}/fd", server.id())).unwrap().count()
}

/// Fault 43.
#[test]
fn five_hundred_dashboards_cost_little_and_leave_nothing_behind() {
    let folder = sample_site(2);
    let server = folder.serve(&["--no-watch"]);
    let mut reader = Client::new(server.address);
    assert_eq!(reader.send(&view_by(1, 1, "/post-1/")).unwrap().status, 202);
    server.stats();
    let (memory_before, before) = (memory(&server), descriptors(&server));

    let mut dashboards: Vec<Dashboard> =
        (0..DASHBOARDS).map(|_| Dashboard::open(server.address)).collect();
    for dashboard in &mut dashboards {
        dashboard.until_told("\"totalPageViews\":1,");
    }
    assert!(descriptors(&server) > DASHBOARDS);
    for number in 2..=50 {
        assert_eq!(reader.send(&view_by(number, number, "/post-1/")).unwrap().status, 202);
    }
    for dashboard in &mut dashboards {
        dashboard.until_told("\"totalPageViews\":50,");
    }
    let more = memory(&server).saturating_sub(memory_before);
    assert!(more < MEMORY, "{more} bytes of memory for {DASHBOARDS} dashboards");

    drop(dashboards);
    until("their descriptors are given back", || descriptors(&server) <= before + 1);
    assert_eq!(reader.send(&view_by(51, 51, "/post-1/")).unwrap().status, 202);
}
