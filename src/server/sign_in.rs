//! Where the owner signs in and out: a form in the look of the site, which needs no script.

use axum::body::Body;
use axum::extract::{RawQuery, Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER, SET_COOKIE};
use http::request::Parts;
use serde::Serialize;

use super::access::{self, Attempted, Audience, Looker, Shown, Sign};
use super::form::Form;
use super::forwarded::{self, Peer};
use super::frame::Frame;
use super::headers;
use super::pages::{self, Newest};
use super::representation::Representation;
use super::state::Handle;
use super::stats::{failed, not_found, told};
use crate::permalink::UrlPath;
use crate::render;
use crate::site::{PRIVACY, Site};

const HTML: &str = "text/html; charset=utf-8";

/// Where the owner signs in.
pub const SIGN_IN: &str = "/_/sign-in";

/// Where they sign out.
const SIGN_OUT: &str = "/_/sign-out";

/// The form, as its template sees it.
#[derive(Debug, Serialize)]
struct View<'a> {
    /// Where it is sent.
    action: &'a str,
    site: &'a str,
    host: &'a str,
    is_private: bool,
    has_password: bool,
    /// What has gone wrong; empty if nothing has.
    alert: &'a str,
}

/// What is said of who looks at the dashboard, as its template sees it.
#[derive(Debug, Serialize)]
struct Account<'a> {
    privacy: &'a str,
    sign_in: &'a str,
    sign_out: &'a str,
    is_owner: bool,
    is_guest: bool,
}

/// `GET /_/sign-in`; the query is that of the dashboard, where it leads.
pub(super) async fn page(
    State(state): State<Handle>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    if state.audience() == Audience::Nobody {
        return not_found();
    }
    let query = query.as_deref();
    if access::looker(&state, &headers, Sign::Visit).await == Looker::Owner {
        return to_stats(&state.site(), query);
    }
    form(&state, &headers, query, (StatusCode::OK, "")).await
}

/// `POST /_/sign-in`
pub(super) async fn sign_in(State(state): State<Handle>, request: Request) -> Response {
    if state.audience() == Audience::Nobody {
        return not_found();
    }
    let (head, body) = request.into_parts();
    let given = match Form::read(&state, &head, body).await {
        Ok(form) => form.value("password").to_owned(),
        Err(refused) => return *refused,
    };
    let query = head.uri.query();
    let shown = Shown::of(&head.headers, &state.site().identity().base);
    let again = |status, alert| form(&state, &head.headers, query, (status, alert));
    match access::sign_in(&state, address_of(&state, &head), given, shown).await {
        Attempted::SignedIn(cookie) => {
            let mut response = to_stats(&state.site(), query);
            response.headers_mut().insert(SET_COOKIE, cookie);
            response
        }
        Attempted::Wrong => again(StatusCode::FORBIDDEN, "That is not the password.").await,
        Attempted::NoPassword => again(StatusCode::FORBIDDEN, "").await,
        Attempted::Failed => {
            let alert = "The server could not check the password; its log says why.";
            again(StatusCode::INTERNAL_SERVER_ERROR, alert).await
        }
        Attempted::TooMany(wait) => {
            let seconds = wait.as_millis().div_ceil(1000).max(1);
            let alert = match seconds {
                1 => "Too many attempts. Try again in a second.".to_owned(),
                seconds => format!("Too many attempts. Try again in {seconds} seconds."),
            };
            let mut response = again(StatusCode::TOO_MANY_REQUESTS, &alert).await;
            response.headers_mut().insert(RETRY_AFTER, header(&seconds.to_string()));
            response
        }
    }
}

/// `POST /_/sign-out`: here, or everywhere if the form says so.
pub(super) async fn sign_out(State(state): State<Handle>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let everywhere = match Form::read(&state, &head, body).await {
        Ok(form) => !form.value("everywhere").is_empty(),
        Err(refused) => return *refused,
    };
    let site = state.site();
    let shown = Shown::of(&head.headers, &site.identity().base);
    let handle = state.clone();
    let signed_out =
        tokio::task::spawn_blocking(move || handle.gate.sign_out(&shown, everywhere)).await;
    if let Err(error) = signed_out.map_err(std::io::Error::other).flatten() {
        tracing::error!("signing out cannot be written down: {error}");
        let why = "you are signed out until the server restarts; it could not write that down";
        return told(StatusCode::INTERNAL_SERVER_ERROR, why);
    }
    let mut response = match state.audience() {
        Audience::Everybody => to_stats(&site, None),
        Audience::Invited | Audience::Nobody => see_other(&link(&site, SIGN_IN)),
    };
    response.headers_mut().insert(SET_COOKIE, access::forget(&site.identity().base));
    response
}

/// Leads to the form, and from there back to the dashboard as `query` says.
pub(super) fn lead_here(site: &Site, query: Option<&str>) -> Response {
    see_other(&with_query(link(site, SIGN_IN), query))
}

/// Lets in who came by a link that the owner has sent, and shows them the dashboard as `query` says, without the `token`.
pub(super) async fn welcome(
    state: &Handle,
    headers: &HeaderMap,
    token: &str,
    query: Option<&str>,
) -> Response {
    let site = state.site();
    match state.audience() {
        Audience::Nobody => return not_found(),
        Audience::Everybody => return to_stats(&site, query),
        Audience::Invited => {}
    }
    let (handle, token) = (state.clone(), token.to_owned());
    let base = site.identity().base.clone();
    let welcomed = tokio::task::spawn_blocking(move || handle.gate.welcome(&token, &base)).await;
    if let Ok(Some(cookie)) = welcomed {
        let mut response = to_stats(&site, query);
        response.headers_mut().insert(SET_COOKIE, cookie);
        return response;
    }
    let alert = "This link has ended, or is not whole. Ask who sent it for another.";
    form(state, headers, query, (StatusCode::FORBIDDEN, alert)).await
}

/// What stands below the dashboard of `looker`: how to sign in, or out.
pub(super) fn account(looker: Looker, site: &Site) -> anyhow::Result<String> {
    render::part(
        "account.html",
        &Account {
            privacy: &link(site, PRIVACY),
            sign_in: &link(site, SIGN_IN),
            sign_out: &link(site, SIGN_OUT),
            is_owner: looker == Looker::Owner,
            is_guest: looker == Looker::Guest,
        },
    )
}

async fn form(
    state: &Handle,
    headers: &HeaderMap,
    query: Option<&str>,
    (status, alert): (StatusCode, &str),
) -> Response {
    let handle = state.clone();
    let asked = tokio::task::spawn_blocking(move || handle.gate.has_password()).await;
    let Ok(has_password) = asked else { return failed(state) };
    let mut sites = Newest::of(state);
    while let Some(site) = sites.next().await {
        let identity = site.identity();
        let view = View {
            action: &with_query(link(&site, SIGN_IN), query),
            site: &identity.title,
            host: identity.base.host(),
            is_private: state.audience() == Audience::Invited,
            has_password,
            alert,
        };
        let form = match render::part("sign-in-form.html", &view) {
            Ok(form) => form,
            Err(error) => {
                tracing::error!("the form cannot be rendered: {error:#}");
                return failed(state);
            }
        };
        let Some(html) = Frame::SignIn.around(&[&form], state, &site).await else { continue };
        let page = Representation { status, ..Representation::of_the_moment(HTML, html) };
        let mut response = page.answer(headers, &state.cache).await;
        headers::restrict(response.headers_mut());
        return response;
    }
    pages::unavailable()
}

/// Whoever is counted against: the client, or the proxy that nobody has declared.
fn address_of(state: &Handle, head: &Parts) -> std::net::IpAddr {
    let trusted = &state.serve.trusted_proxies;
    forwarded::client(Peer::of(&head.extensions), &head.headers, trusted)
}

fn to_stats(site: &Site, query: Option<&str>) -> Response {
    let identity = site.identity();
    see_other(&with_query(identity.base.link(&identity.stats), query))
}

/// Sends the browser to `target` of this site, with a GET.
fn see_other(target: &str) -> Response {
    let fresh = HeaderValue::from_static("no-store");
    let to = [(LOCATION, header(target)), (CACHE_CONTROL, fresh)];
    let mut response = (StatusCode::SEE_OTHER, to, Body::empty()).into_response();
    headers::restrict(response.headers_mut());
    response
}

fn link(site: &Site, path: &str) -> String {
    let path = UrlPath::parse(path).expect("a plain path");
    site.identity().base.link(&path)
}

fn with_query(link: String, query: Option<&str>) -> String {
    match query.filter(|query| !query.is_empty()) {
        Some(query) => format!("{link}?{query}"),
        None => link,
    }
}

/// A header of text that a request line has had in it, or that is plain.
fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("/"))
}
