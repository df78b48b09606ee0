//! Makes what was written durable, in groups, on a thread of its own.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

/// The longest time between `write(2)` and the disk.
const WITHIN: Duration = Duration::from_millis(50);

/// Ends with its last request when it is dropped.
#[derive(Debug)]
pub(super) struct SyncThread {
    asked: Arc<AtomicBool>,
    requests: Option<mpsc::Sender<Arc<File>>>,
    /// The file of the last request; a segment that has just begun needs one of its own.
    last: Option<Arc<File>>,
    thread: Option<JoinHandle<()>>,
}

impl SyncThread {
    pub fn start() -> io::Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        let (requests, taken) = mpsc::channel::<Arc<File>>();
        let seen = Arc::clone(&asked);
        let thread = std::thread::Builder::new().name("ledger sync".to_owned()).spawn(move || run(&taken, &seen))?;
        Ok(Self { asked, requests: Some(requests), last: None, thread: Some(thread) })
    }

    /// Has the file made durable soon. While a request waits, further ones of the same file cost nothing.
    pub fn soon(&mut self, file: &Arc<File>) {
        let waits = self.asked.swap(true, Ordering::AcqRel);
        if waits && self.last.as_ref().is_some_and(|last| Arc::ptr_eq(last, file)) {
            return;
        }
        self.last = Some(Arc::clone(file));
        if let Some(requests) = &self.requests {
            // The thread lives as long as we do.
            let _ = requests.send(Arc::clone(file));
        }
    }
}

impl Drop for SyncThread {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported by itself.
            let _ = thread.join();
        }
    }
}

fn run(requests: &mpsc::Receiver<Arc<File>>, asked: &AtomicBool) {
    while let Ok(file) = requests.recv() {
        // Others write meanwhile, and share this one sync. An ending service does not wait.
        let next = requests.recv_timeout(WITHIN / 2).ok();
        asked.store(false, Ordering::Release);
        for file in std::iter::once(file).chain(next) {
            if let Err(error) = file.sync_data() {
                tracing::error!(%error, "the ledger is written and may not be on the disk");
            }
        }
    }
}
