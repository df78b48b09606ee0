//! switchboard

pub mod event;
mod parts;

pub use parts::Parts;

/// Takes events until the service is asked to end.
pub async fn run(parts: Parts) {
    let Parts { mut events_rx, tasks, .. } = parts;
    loop {
        tokio::select! {
            () = tasks.ending().cancelled() => return,
            event = events_rx.recv() => if event.is_none() { return },
        }
    }
}
