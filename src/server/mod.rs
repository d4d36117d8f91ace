//! The HTTP edge: hosts the finished site, takes events in, and shows what was read.
//!
//! | file | what it is about |
//! |---|---|
//! | `listen` `connection` `wire` `pulse` `limits` | sockets: how many, how long, how much |
//! | `edge` `fields` `host` `headers` `forwarded` `origin` | what holds for every request and every answer |
//! | `pages` `representation` `files` `cache` `ready` `date` | the site: which file, in which form, from where |
//! | `conditional` `range` `encoding` `content_type` | the rules of HTTP about them, as pure functions |
//! | `collect` `facts` `refusal` `navigations` | an event: HTTP in, 202 or a rejection's status out; what was answered to whom |
//! | `stats` `dashboard` `wanted` `board` `numbers` `report` `likeliest` `stream` `inquiry` | what was read: a page, JSON, a stream, and who asks for it |
//! | `access` `sign_in` `form` `frame` `author_bar` | who may see that, how they say who they are, and what the owner sees besides |
//! | `live_reload` `health` `owner` | for those who write, who watch over the server, and whose it is |

mod connection;
mod limits;
mod listen;
mod pulse;
mod wire;

mod edge;
mod fields;
mod forwarded;
mod headers;
mod host;
mod origin;

mod cache;
mod date;
mod files;
mod pages;
mod ready;
mod representation;

mod conditional;
mod content_type;
mod encoding;
mod range;

mod collect;
mod facts;
mod navigations;
mod refusal;

mod board;
mod channel_body;
mod dashboard;
mod inquiry;
mod likeliest;
mod numbers;
mod report;
mod stats;
mod stream;
mod wanted;

mod access;
mod author_bar;
mod form;
mod frame;
mod sign_in;

mod health;
mod live_reload;
mod owner;

mod state;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

pub use access::{NewPassword, PasswordFile, Secrets, ShareKey};
pub use dashboard::csv_field;
pub use forwarded::Peer;
pub use inquiry::{ask, order};
pub use limits::Limits;
pub use listen::run;
pub use live_reload::{DevProblem, DevState};
pub use numbers::{
    ActivePage, Gone, NamedPage, Numbers, PageDetail, PageStat, PageType, Stretch, Union,
};
pub use report::{
    Compared, Group, Marker, Missing, Moment, PageLine, Report, ServedPage, ServedPages, Totals,
    Viewer, report,
};
pub use sign_in::SIGN_IN;
pub use state::{AppState, Counting, Parts};
pub use wanted::Wanted;

/// Answers every request for the site that `state` holds. Within a tokio runtime, as it follows the numbers.
///
/// A request says where it comes from with a [`Peer`] among its extensions.
pub fn router(AppState(state): AppState) -> Router {
    tokio::spawn(stats::follow(state.clone()));
    tokio::spawn(navigations::follow(state.clone()));
    if let Some(collector) = &state.collector {
        collector.recorder().tell_on(tokio::runtime::Handle::current());
    }
    let routes = Router::new()
        .route("/_/event", post(collect::event).options(collect::preflight))
        .route("/_/stats.json", get(stats::json))
        .route("/_/stats.csv", get(stats::csv))
        .route("/_/stats/live", get(stats::live))
        .route("/_/stats.js", get(stats::script))
        .route("/_/sign-in", get(sign_in::page).post(sign_in::sign_in))
        .route("/_/sign-out", post(sign_in::sign_out))
        .route("/_/privacy", get(pages::privacy))
        .route("/_/reload", get(live_reload::stream))
        .route("/_/reload.js", get(live_reload::script))
        .route("/_/health", get(health::health))
        .route("/_/metrics", get(health::metrics))
        .route("/_/backup", post(owner::back_up))
        .route("/_/verify", post(owner::verify))
        .route("/_/{script}", get(collect::beacon))
        .fallback(pages::answer)
        .with_state(state.clone());
    // The edge stands around the router, not on its routes: it may take a prefix off the path.
    Router::new().fallback_service(routes).layer(from_fn_with_state(state, edge::edge))
}
