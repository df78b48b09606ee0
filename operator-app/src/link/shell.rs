//! The link's own loop: takes what the person asked for, and lets the gateway, the records and the disk do it.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use shared::domain::agent::Wish;
use shared::wire::ClientFrame;
use shared::wire::command::Command;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;
use uuid::Uuid;

use super::Out;
use super::disk::{Disk, DiskError, KeptSave};
use super::gateway::{GatewayTask, Order, Report};
use super::outbox::{Outbox, Settled};
use super::records::Records;
use super::sign_in::{Entered, Entrance, sign_in};
use crate::perform::Ask;
use crate::settings::Settings;
use crate::state::event::LinkEvent;
use crate::state::session::{Attempt, SignInError};
use crate::state::tab::TabKey;

pub(super) struct Shell {
    out: Out,
    state_dir: PathBuf,
    seat: Uuid,
    sitting: Option<Sitting>,
}

/// From signing in to signing out.
struct Sitting {
    records: Records,
    orders: mpsc::UnboundedSender<Order>,
    reports: mpsc::UnboundedReceiver<Report>,
    outbox: Outbox,
    disk: Option<Disk>,
    searches: HashMap<Option<TabKey>, AbortHandle>,
    /// The gateway's task and what is being read.
    tasks: JoinSet<()>,
    /// Held while this person works here, so that no second window of the same person opens on this computer.
    _only_one: File,
}

/// A person types several letters before the gateway is asked.
const TYPING_PAUSE: Duration = Duration::from_millis(120);

impl Shell {
    pub(super) const fn new(out: Out, state_dir: PathBuf, seat: Uuid) -> Self {
        Self { out, state_dir, seat, sitting: None }
    }

    pub(super) async fn serve(mut self, mut asked: mpsc::UnboundedReceiver<Ask>) {
        loop {
            let Some(sitting) = &mut self.sitting else {
                match asked.recv().await {
                    None | Some(Ask::Close) => return,
                    Some(Ask::SignIn(attempt)) => self.sign_in(&attempt).await,
                    Some(Ask::Settings(settings)) => self.keep_settings(&settings),
                    Some(_) => {}
                }
                continue;
            };
            let due = sitting.outbox.next_due().map(|due| due.since(self.out.now()));
            tokio::select! {
                ask = asked.recv() => match ask {
                    None | Some(Ask::Close) => return self.leave().await,
                    Some(Ask::SignOut) => {
                        self.leave().await;
                        self.out.send(LinkEvent::SignedOut { error: None });
                    }
                    Some(Ask::Settings(settings)) => self.keep_settings(&settings),
                    Some(ask) => sitting.take(ask, &self.out).await,
                },
                report = sitting.reports.recv() => {
                    let is_over = matches!(report, None | Some(Report::SignedOut));
                    if is_over {
                        self.sitting = None;
                        self.out.send(LinkEvent::SignedOut { error: Some(SignInError::SessionOver) });
                    } else if let Some(report) = report {
                        sitting.hear(report, &self.out).await;
                    }
                }
                () = sleep(due.unwrap_or_default()), if due.is_some() => sitting.send_due(&self.out),
            }
            if let Some(sitting) = &mut self.sitting {
                while sitting.tasks.try_join_next().is_some() {}
            }
        }
    }

    async fn sign_in(&mut self, attempt: &Attempt) {
        let event = match sign_in(attempt, self.out.now()).await {
            Ok(Entrance::Confirm { fingerprint }) => {
                LinkEvent::ConfirmFingerprint { gateway: attempt.gateway.clone(), fingerprint }
            }
            Ok(Entrance::Open(entered)) => match self.sit_down(*entered, attempt).await {
                Ok(()) => return,
                Err(error) => LinkEvent::SignInFailed { error },
            },
            Err(error) => LinkEvent::SignInFailed { error },
        };
        self.out.send(event);
    }

    async fn sit_down(&mut self, entered: Entered, attempt: &Attempt) -> Result<(), SignInError> {
        let Entered { address, signed_in, client, tls } = entered;
        let records = Records::new(client, address.clone(), signed_in.token.clone());
        let stem = format!("{}-{}", address.file_stem(), signed_in.profile.id);
        let Some(only_one) = lock_alone(&self.state_dir.join(format!("{stem}.lock"))) else {
            records.sign_out().await;
            return Err(SignInError::AlreadyOpen);
        };
        let gateway = attempt.gateway.clone();
        self.out.send(LinkEvent::SignedIn { profile: signed_in.profile, gateway });
        let (disk, outbox) = self.open_disk(&self.state_dir.join(format!("{stem}.db"))).await;

        let (orders, ordered) = mpsc::unbounded_channel();
        let (reporter, reports) = mpsc::unbounded_channel();
        let token = signed_in.token;
        let (seat, out) = (self.seat, self.out.clone());
        let task = GatewayTask { address, tls, token, seat, out, orders: ordered, reports: reporter };
        let mut tasks = JoinSet::new();
        tasks.spawn(task.run());
        let searches = HashMap::new();
        self.sitting = Some(Sitting { records, orders, reports, outbox, disk, searches, tasks, _only_one: only_one });
        Ok(())
    }

    /// Opens the local file and tells the desk what is in it. Without it the desk works on, and says so.
    async fn open_disk(&self, path: &Path) -> (Option<Disk>, Outbox) {
        let mut outbox = Outbox::default();
        let opened = async {
            let mut disk = Disk::open(path, self.out.now().utc_ms).await?;
            let kept = disk.kept().await?;
            Ok::<_, DiskError>((disk, kept))
        };
        match opened.await {
            Ok((disk, (drafts, saves))) => {
                for save in &saves {
                    outbox.put(save.id, save.command.clone());
                }
                let saves = saves.into_iter().map(|save| (save.id, save.command, save.tab)).collect();
                self.out.send(LinkEvent::Kept { drafts, saves });
                (Some(disk), outbox)
            }
            Err(error) => {
                tracing::error!(error = %chain(&error), "drafts cannot be kept on this computer");
                self.out.send(LinkEvent::DiskFailed);
                (None, outbox)
            }
        }
    }

    /// The agent is signed out, so that no caller is sent to an empty chair.
    async fn leave(&mut self) {
        let Some(mut sitting) = self.sitting.take() else { return };
        let command = Command::SetState { wish: Wish::LogOut };
        sitting.order(Order::Frame(ClientFrame::Command { id: Uuid::now_v7(), command }));
        sitting.order(Order::Stop);
        sitting.searches.values().for_each(AbortHandle::abort);
        // The gateway's task sends what it was given before it stops; a dead line does not hold the window open.
        let ended = async { while sitting.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(Duration::from_secs(1), ended).await.is_err() {
            tracing::warn!("the gateway was not told of the signing out");
        }
        sitting.records.sign_out().await;
    }

    fn keep_settings(&self, settings: &Settings) {
        if let Err(error) = settings.write(&self.state_dir) {
            tracing::warn!(%error, "the settings cannot be kept");
        }
    }
}

impl Sitting {
    async fn take(&mut self, ask: Ask, out: &Out) {
        match ask {
            // The shell has dealt with these.
            Ask::SignIn(_) | Ask::SignOut | Ask::Settings(_) | Ask::Close => {}
            Ask::TakeOver => self.order(Order::TakeOver),
            Ask::Resync => self.order(Order::Resync),
            Ask::Send { id, command } => self.order(Order::Frame(ClientFrame::Command { id, command })),
            Ask::Keep { id, tab, command } => {
                // The disk first: what was sent is then known to the next life of this desk.
                let save = KeptSave { id, command: command.clone(), tab };
                self.write(out, async |disk| disk.put_save(&save).await).await;
                self.outbox.put(id, command);
                self.send_due(out);
            }
            Ask::SendAgain(id) => {
                self.outbox.send_again(id);
                self.send_due(out);
            }
            Ask::Shown { call, invite_to_pop_us } => {
                self.order(Order::Frame(ClientFrame::Shown { call, invite_to_pop_us }));
            }
            Ask::Drafts(drafts) => {
                let now = out.now().utc_ms;
                for (tab, draft) in drafts {
                    self.write(out, async |disk| disk.put_draft(tab, draft.as_ref(), now).await).await;
                }
            }
            Ask::Search { tab, generation, text } => self.search(tab, generation, text, out),
            Ask::History(ask) => {
                let (records, out) = (self.records.clone(), out.clone());
                self.tasks.spawn(async move {
                    let page = records.history(&ask).await;
                    let (tab, generation, after) = (ask.tab, ask.generation, ask.after);
                    out.send(LinkEvent::HistoryRead { tab, generation, after, page });
                });
            }
            Ask::Card { tab, customer, call } => {
                let (records, out) = (self.records.clone(), out.clone());
                self.tasks.spawn(async move {
                    let card = records.card(customer, call).await.map(std::sync::Arc::new);
                    out.send(LinkEvent::CardRead { tab, card });
                });
            }
        }
    }

    async fn hear(&mut self, report: Report, out: &Out) {
        match report {
            Report::Connected => {
                self.outbox.connected();
                self.send_due(out);
            }
            Report::Disconnected => self.outbox.disconnected(),
            Report::Answer { id, outcome } => {
                if self.outbox.answered(id, &outcome, out.now()) == Settled::ForGood {
                    self.write(out, async |disk| disk.forget_save(id).await).await;
                }
            }
            // The shell ends the sitting.
            Report::SignedOut => {}
        }
    }

    /// A new letter makes the answer to the earlier ones worthless.
    fn search(&mut self, tab: Option<TabKey>, generation: u64, text: String, out: &Out) {
        let (records, out) = (self.records.clone(), out.clone());
        let handle = self.tasks.spawn(async move {
            sleep(TYPING_PAUSE).await;
            let found = records.search(text.trim()).await;
            out.send(LinkEvent::Found { tab, generation, found });
        });
        if let Some(earlier) = self.searches.insert(tab, handle) {
            earlier.abort();
        }
    }

    fn send_due(&mut self, out: &Out) {
        for (id, command) in self.outbox.take_due(out.now()) {
            self.order(Order::Frame(ClientFrame::Command { id, command }));
        }
    }

    fn order(&self, order: Order) {
        if self.orders.send(order).is_err() {
            tracing::debug!("the connection has ended already");
        }
    }

    /// Writes to the disk; the first failure is told, and the desk works on without it.
    async fn write(&mut self, out: &Out, write: impl AsyncFnOnce(&mut Disk) -> Result<(), DiskError>) {
        let Some(disk) = &mut self.disk else { return };
        if let Err(error) = write(disk).await {
            tracing::error!(error = %chain(&error), "the local file was not written");
            out.send(LinkEvent::DiskFailed);
        }
    }
}

/// The lock ends with the process, however it ends.
fn lock_alone(path: &Path) -> Option<File> {
    let file = File::options().create(true).append(true).open(path);
    match file.map(|file| file.try_lock().map(|()| file)) {
        Ok(Ok(file)) => Some(file),
        Ok(Err(_)) => None,
        Err(error) => {
            tracing::error!(%error, "the lock file cannot be made");
            None
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
