//! Why an event is not answered with 202, and what it is answered with instead.

use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue, StatusCode};

use super::limits;
use crate::analytics::{Class, Rejection};

const X_REJECTED: HeaderName = HeaderName::from_static("x-rejected");

/// Why an event is not answered with 202.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It is not counted.
    Rejected(Rejection),
    /// It cannot be stored now.
    Later,
    /// It took too long to arrive.
    Slow,
    /// It has a content type that no event has.
    Type,
    /// Nothing is counted here.
    Disabled,
    /// There is a mistake in this program.
    Bug,
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Rejected(rejection) => match rejection.class() {
                Class::Invalid => StatusCode::BAD_REQUEST,
                Class::Refused => StatusCode::FORBIDDEN,
                Class::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                Class::TooMany => StatusCode::TOO_MANY_REQUESTS,
            },
            Self::Later => StatusCode::SERVICE_UNAVAILABLE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Type => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Disabled => StatusCode::FORBIDDEN,
            Self::Bug => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Rejected(rejection) => rejection.name(),
            Self::Later => "unavailable",
            Self::Slow => "too-slow",
            Self::Type => "content-type",
            Self::Disabled => "disabled",
            Self::Bug => "bug",
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut response = (status, [(X_REJECTED, self.reason())]).into_response();
        let comes_back =
            matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        if comes_back {
            let seconds = HeaderValue::from_static(limits::EVENT_RETRY_SECONDS);
            response.headers_mut().insert(RETRY_AFTER, seconds);
        }
        response
    }
}
