//! Joins the desk to a window.
//!
//! [`App::logic`](eframe::App::logic) takes events and performs commands, also while the window is hidden;
//! [`App::ui`](eframe::App::ui) draws the desk and collects what the person asked for. The window is drawn when
//! something happened, once a second while somebody waits or talks, and otherwise not at all.

pub mod keys;
mod pop_mark;
mod ring;
mod system_keys;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use egui::ViewportCommand;
use shared::time::{Clock, Moment};
use uuid::Uuid;

use crate::command::{Action, Command, Requests};
use crate::kit;
use crate::lang;
use crate::link::{Link, Nudge};
use crate::perform::{Ask, Hands, perform};
use crate::screens;
use crate::screens::login::Typed;
use crate::settings::Settings;
use crate::state::Scene;
use crate::state::desk::{Aftermath, Desk};
use crate::state::grab::action_of;
use crate::state::screen::{Overlay, Page};
use crate::state::session::{Connection, SignInError};

use pop_mark::PopMark;
use ring::Ring;
use system_keys::SystemKeysWatch;

/// A frame as soon as possible. Asked for without a delay, egui would draw another one behind it to let widgets settle;
/// where there is no graphics card, a call that came meanwhile would wait for that to be rasterised.
const ONE_FRAME_SOON: Duration = Duration::from_nanos(1);

/// How the program was started.
#[derive(Debug)]
pub struct Start {
    pub state_dir: PathBuf,
    pub settings: Settings,
    /// Sign in at once.
    pub sign_in: Option<Command>,
}

pub struct App {
    clock: Clock,
    desk: Desk,
    settings: Settings,
    /// The settings as the disk knows them.
    kept_settings: Settings,
    link: Link,
    typed: Typed,
    requests: Requests,
    pressed: Vec<Action>,
    mark: Arc<PopMark>,
    ring: Arc<Ring>,
    system_keys: SystemKeysWatch,
    warmed_up: bool,
    closing: bool,
    title: String,
}

impl App {
    /// # Errors
    /// When the system gives no thread for the link.
    pub fn new(ctx: &egui::Context, start: Start) -> std::io::Result<Self> {
        kit::install(ctx);
        // Ctrl with plus and minus are commands of ours, kept with the settings.
        ctx.options_mut(|options| options.zoom_with_keyboard = false);
        let clock = Clock::start();
        let ring = Arc::new(Ring::default());
        let woken = ctx.clone();
        let bell = Arc::clone(&ring);
        let wake = move |nudge: Nudge<'_>| match nudge {
            Nudge::Event => woken.request_repaint_after(ONE_FRAME_SOON),
            Nudge::Ringing(offer) => bell.ring(&woken, offer),
        };
        let system_keys = SystemKeysWatch::start(ctx)?;
        let link = Link::start(clock, start.state_dir, Arc::new(wake))?;
        let mut requests = Requests::default();
        if let Some(sign_in) = start.sign_in {
            requests.push(sign_in);
        }
        Ok(Self {
            clock,
            desk: Desk::default(),
            typed: Typed::remembered(&start.settings),
            kept_settings: start.settings.clone(),
            settings: start.settings,
            link,
            requests,
            pressed: Vec::new(),
            mark: Arc::new(PopMark::default()),
            ring,
            system_keys,
            warmed_up: false,
            closing: false,
            title: String::new(),
        })
    }

    /// Takes in what the link's threads have to tell.
    fn take_events(&mut self, now: Moment) {
        for stamped in self.link.take() {
            match self.desk.apply(stamped, now) {
                Aftermath::Nothing => {}
                Aftermath::Reconnect => {
                    tracing::warn!("an event is missing; asking for everything anew");
                    self.link.ask(Ask::Resync);
                }
                Aftermath::Read(tabs) => tabs.into_iter().for_each(|tab| self.requests.push(Command::RefreshCard(tab))),
            }
        }
    }

    /// The frame with the card went to the painter: the pop is measured and told. By now the picture itself has been
    /// rasterised and handed to the display, for the painter does not come back before.
    fn take_mark(&mut self, now: Moment) {
        if let Some(at) = self.mark.take()
            && let Some((call, invite_to_pop_us)) = self.desk.drawn(at)
        {
            let on_the_way_us = self.desk.call.as_ref().and_then(|call| call.pop.before_us);
            let present_us = now.since(at).as_micros() as u64;
            tracing::info!(%call, invite_to_pop_us, on_the_way_us, present_us, "the card is on the screen");
            self.link.ask(Ask::Shown { call, invite_to_pop_us });
        }
    }

    /// Performs what was asked for; returns whether anything was.
    fn perform(&mut self, now: Moment) -> bool {
        let mut commands = self.requests.take();
        let locked = self.desk.screen.locked || self.desk.session.is_none();
        let allowed = self.pressed.drain(..).filter(|action| !locked || keys::works_when_locked(*action));
        commands.extend(allowed.map(Command::Do));
        let any = !commands.is_empty();
        for command in commands {
            self.closing |= matches!(command, Command::Close);
            let mut mint = Uuid::now_v7;
            let hands = &mut Hands { desk: &mut self.desk, settings: &mut self.settings, mint: &mut mint, now };
            for ask in perform(command, hands) {
                self.link.ask(ask);
            }
        }
        if self.settings != self.kept_settings {
            self.kept_settings = self.settings.clone();
            self.link.ask(Ask::Settings(Box::new(self.settings.clone())));
        }
        any
    }

    /// A window that is closed during a call asks first, in the window.
    fn mind_closing(&mut self, ctx: &egui::Context) {
        if ctx.input(|input| input.viewport().close_requested()) && !self.closing {
            if self.desk.call.is_some() && self.desk.session.is_some() {
                ctx.send_viewport_cmd(ViewportCommand::CancelClose);
                self.desk.screen.overlay = Some(Overlay::ConfirmClose);
                self.desk.screen.page = Page::Operator;
            } else {
                self.requests.push(Command::Close);
            }
        }
        if self.closing {
            ctx.send_viewport_cmd(ViewportCommand::Close);
        }
    }

    fn keep_title(&mut self, ctx: &egui::Context) {
        let tr = lang::of(self.settings.language);
        let title = match self.desk.profile() {
            Some(profile) => format!("{} — {}", tr.session.program, profile.name),
            None => tr.session.program.to_owned(),
        };
        if title != self.title {
            ctx.send_viewport_cmd(ViewportCommand::Title(title.clone()));
            self.title = title;
        }
    }

    /// What the keys that the whole system hears have to tell.
    fn take_system_keys(&mut self) {
        self.system_keys.heed(&self.settings.system_keys);
        while let Some(told) = self.system_keys.take() {
            match told {
                system_keys::Told::Pressed(key) => self.pressed.push(action_of(key)),
                system_keys::Told::Grab(grab) => self.desk.grab = grab,
            }
        }
    }

    /// When the window has to be drawn again although nothing happens.
    fn next_frame_in(&self, now: Moment) -> Option<Duration> {
        let desk = &self.desk;
        let gateway_ms = desk.clock.at(now).0;
        let until_full = |ms: i64| Duration::from_millis((ms - gateway_ms.rem_euclid(ms)).unsigned_abs());
        let counts_down = matches!(desk.connection, Connection::Offline { .. })
            || matches!(desk.sign_in.error, Some(SignInError::Wait { until }) if !until.is_due(now));
        let somebody_waits = desk.call.is_some() || !desk.waiting.is_empty() || !desk.parked.is_empty();
        let tick = if desk.session.is_none() {
            counts_down.then(|| until_full(1_000))
        } else if counts_down || somebody_waits {
            Some(until_full(1_000))
        } else {
            Some(until_full(60_000))
        };
        let due = [desk.drafts.next_due(), desk.toasts.next_due(), desk.colleagues_due()];
        due.into_iter().flatten().map(|due| due.since(now)).chain(tick).min()
    }

    fn screen_ui(&mut self, ui: &mut egui::Ui, now: Moment) {
        let Self { desk, settings, typed, requests, .. } = self;
        let scene = &Scene { desk, settings, now };
        screens::screen_ui(ui, scene, typed, requests);
    }
}

impl eframe::App for App {
    fn raw_input_hook(&mut self, _ctx: &egui::Context, raw: &mut egui::RawInput) {
        // Before any field sees them, and before Tab moves the focus.
        keys::take_shortcuts(&mut raw.events, &mut self.pressed);
    }

    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        let now = self.clock.now();
        self.take_events(now);
        self.take_mark(now);
        self.take_system_keys();
        self.mind_closing(ctx);
        if self.desk.colleagues_due().is_some_and(|due| due.is_due(now)) {
            self.requests.push(Command::ListColleagues);
        }
        self.perform(now);
        self.desk.toasts.tidy(now);
        let due = self.desk.drafts.take_due(now);
        if !due.is_empty() {
            self.link.ask(Ask::Drafts(due));
        }
        self.keep_title(ctx);
        self.ring.heed(&self.settings, ctx.input(|input| input.focused));
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        let now = self.clock.now();
        kit::apply(ui.ctx(), &self.settings);
        if !self.warmed_up {
            kit::warm_up(ui.ctx());
            self.warmed_up = true;
        }
        self.perform(now);
        if self.desk.waits_to_be_drawn().is_some()
            && self.desk.screen.page == Page::Operator
            && !self.desk.screen.locked
        {
            self.mark.lay(ui, self.clock);
        }
        self.screen_ui(ui, now);
        // The wishes of the keyboard were for this frame.
        self.desk.screen.focus = None;
        self.desk.screen.submit = None;
        if self.perform(now) {
            ui.ctx().request_repaint();
        }
        if self.closing {
            ui.ctx().send_viewport_cmd(ViewportCommand::Close);
        }
        if let Some(pause) = self.next_frame_in(now) {
            ui.ctx().request_repaint_after(pause);
        }
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }
}
