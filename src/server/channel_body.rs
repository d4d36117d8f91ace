//! A response body that a task fills, piece by piece; it knows when the client has gone.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::sync::mpsc;

/// The end of a channel that the connection reads. When it is dropped, the task at the other end is told.
#[derive(Debug)]
pub(super) struct ChannelBody(mpsc::Receiver<io::Result<Bytes>>);

impl ChannelBody {
    /// A body, and what fills it; `capacity` pieces may wait for the client.
    pub(super) fn with_capacity(capacity: usize) -> (mpsc::Sender<io::Result<Bytes>>, Self) {
        let (frames, receiver) = mpsc::channel(capacity);
        (frames, Self(receiver))
    }
}

impl Body for ChannelBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}
