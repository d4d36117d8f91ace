//! `tallymark new`: a new post or page, with its front matter filled in.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use clap::{Args, Subcommand};

use super::report::{self, Report};
use super::workspace::Workspace;
use super::{Global, Outcome, Usage};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Overrides};
use crate::permalink::Slug;
use crate::problem::Place;

/// Begin a new post or page
#[derive(Debug, Args)]
pub(super) struct New {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// A post: it has a date, and appears in lists and feeds
    Post {
        /// The title
        #[arg(required = true)]
        title: Vec<String>,
    },
    /// A page: it is reached by its address
    Page {
        /// The title
        #[arg(required = true)]
        title: Vec<String>,
    },
}

impl New {
    pub(super) fn run(self, global: &Global, report: Report) -> anyhow::Result<Outcome> {
        let config = Workspace::open(global, Overrides::default())?.config;
        let (title, is_post) = match self.what {
            What::Post { title } => (title.join(" "), true),
            What::Page { title } => (title.join(" "), false),
        };
        let slug = Slug::new(&title)
            .ok_or_else(|| Usage(format!("the title `{title}` has no letter or digit in it")))?;
        let folder = if is_post { posts_folder(&config) } else { config.content_dir() };
        let path = folder.join(format!("{slug}.md"));
        let text = if is_post { post(&title, &config) } else { page(&title) };
        create(&path, &text)?;
        let name = Place::name_of(&path, &config.root);
        report::data(&name)?;
        if is_post {
            report.note(format!("a draft: remove `draft: true` from `{name}` to publish it"));
        }
        Ok(Outcome::Done)
    }
}

/// The folder of posts that is there, else the first of the settings.
fn posts_folder(config: &Config) -> std::path::PathBuf {
    let folders = config.posts_dirs.iter().map(|dir| config.content_dir().join(dir));
    let mut folders: Vec<_> = folders.collect();
    let there = folders.iter().position(|folder| folder.is_dir()).unwrap_or(0);
    if folders.is_empty() { config.content_dir() } else { folders.swap_remove(there) }
}

fn post(title: &str, config: &Config) -> String {
    let now = SystemClock.now().in_zone(&config.timezone);
    let date = now.strftime("%Y-%m-%dT%H:%M:%S%:z");
    format!("---\ntitle: {}\ndate: {date}\ntags: []\ndraft: true\n---\n\n", quoted(title))
}

fn page(title: &str) -> String {
    format!("---\ntitle: {}\nshow_in_nav: true\n---\n\n", quoted(title))
}

/// A title as YAML reads it whatever is in it.
fn quoted(title: &str) -> String {
    serde_json::Value::from(title).to_string()
}

/// Writes a file that must not be there yet.
fn create(path: &Path, text: &str) -> anyhow::Result<()> {
    let shown = path.display();
    fs::create_dir_all(path.parent().unwrap_or(path))
        .with_context(|| format!("cannot create the folder of `{shown}`"))?;
    match File::create_new(path) {
        Ok(mut file) => {
            file.write_all(text.as_bytes()).with_context(|| format!("cannot write `{shown}`"))
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(Usage(format!("`{shown}` exists already; choose another title")).into())
        }
        Err(error) => Err(error).with_context(|| format!("cannot create `{shown}`")),
    }
}
