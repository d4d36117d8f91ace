//! What the author wrote, from the files below `content/` to the index of what is published.

pub mod front_matter;
