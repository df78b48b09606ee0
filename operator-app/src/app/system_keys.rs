//! Hears keys while another program is in front. It never takes the focus, and a desktop that gives no such keys is no
//! failure: the settings say so.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use global_hotkey::hotkey::HotKey;
use global_hotkey::{GlobalHotKeyEvent, GlobalHotKeyManager, HotKeyState};

use crate::settings::{SystemKey, SystemKeys};
use crate::state::grab::{Grab, can_grab};

/// What the thread has to tell.
#[derive(Debug)]
pub(super) enum Told {
    Pressed(SystemKey),
    Grab(Grab),
}

/// A thread of its own: asking the X server for a key may take its time, and the window does not wait.
pub(super) struct SystemKeysWatch {
    wanted: Sender<SystemKeys>,
    told: Receiver<Told>,
    kept: Option<SystemKeys>,
}

impl SystemKeysWatch {
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start(ctx: &egui::Context) -> std::io::Result<Self> {
        let (wanted, wishes) = channel();
        let (tell, told) = channel();
        let ctx = ctx.clone();
        let tell = move |what| {
            if tell.send(what).is_ok() {
                ctx.request_repaint();
            }
        };
        std::thread::Builder::new().name("system-keys".into()).spawn(move || watch(&wishes, tell))?;
        Ok(Self { wanted, told, kept: None })
    }

    /// Learns what the person has set.
    pub(super) fn heed(&mut self, keys: &SystemKeys) {
        if self.kept.as_ref() != Some(keys) {
            self.kept = Some(keys.clone());
            // A thread that is gone has told why.
            _ = self.wanted.send(keys.clone());
        }
    }

    pub(super) fn take(&self) -> Option<Told> {
        self.told.try_recv().ok()
    }
}

/// The keys that are held, by the id under which they are heard.
type Held = Vec<(HotKey, SystemKey)>;

fn watch(wishes: &Receiver<SystemKeys>, tell: impl Fn(Told) + Clone + Send + Sync + 'static) {
    if !can_grab(|name| std::env::var(name).ok()) {
        tell(Told::Grab(Grab::NotHere));
        return;
    }
    let held = Arc::new(Mutex::new(Held::new()));
    let (heard, say) = (Arc::clone(&held), tell.clone());
    GlobalHotKeyEvent::set_event_handler(Some(move |event: GlobalHotKeyEvent| {
        if event.state != HotKeyState::Pressed {
            return;
        }
        let held = heard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, key)) = held.iter().find(|(hot_key, _)| hot_key.id() == event.id) {
            say(Told::Pressed(*key));
        }
    }));
    let manager = match GlobalHotKeyManager::new() {
        Ok(manager) => manager,
        Err(error) => {
            tracing::info!(%error, "no keys of the whole system here");
            tell(Told::Grab(Grab::NotHere));
            return;
        }
    };
    // Ends with the window, whose end of the channel goes with it.
    while let Ok(keys) = wishes.recv() {
        let before = std::mem::take(&mut *held.lock().unwrap_or_else(PoisonError::into_inner));
        for (hot_key, _) in before {
            if let Err(error) = manager.unregister(hot_key) {
                tracing::debug!(%error, "a key could not be given back");
            }
        }
        if !keys.on {
            tell(Told::Grab(Grab::Off));
            continue;
        }
        let (fresh, grab) = grab(&manager, &keys);
        *held.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
        tell(Told::Grab(grab));
    }
}

fn grab(manager: &GlobalHotKeyManager, keys: &SystemKeys) -> (Held, Grab) {
    let (mut held, mut refused) = (Held::new(), Vec::new());
    for key in SystemKey::ALL {
        let Ok(hot_key) = keys.chord(key).to_string().parse::<HotKey>() else {
            refused.push(key);
            continue;
        };
        match manager.register(hot_key) {
            Ok(()) => held.push((hot_key, key)),
            Err(error) => {
                tracing::info!(%error, ?key, "another program has this key");
                refused.push(key);
            }
        }
    }
    // Without an X server the library says yes to everything; with one it holds no key twice.
    if let Some((hot_key, _)) = held.first()
        && manager.register(*hot_key).is_ok()
    {
        return (Held::new(), Grab::NotHere);
    }
    (held, Grab::Held { refused })
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::process::Command;
    use std::time::Duration;

    use super::*;

    fn until(told: &Receiver<Told>, wanted: impl Fn(&Told) -> bool) -> Told {
        loop {
            let one = told.recv_timeout(Duration::from_secs(20)).expect("the thread tells what becomes of the keys");
            if wanted(&one) {
                return one;
            }
        }
    }

    /// Set in the process that has an X server of its own.
    const ON_OWN_DISPLAY: &str = "PULT_TEST_ON_OWN_DISPLAY";

    #[test]
    fn the_keys_are_heard_without_a_window_and_given_back() {
        if env::var_os(ON_OWN_DISPLAY).is_some() {
            return the_keys_are_heard_and_given_back();
        }
        let Some(display) = env::var_os("PULT_TEST_XENV") else {
            assert!(env::var_os("PULT_TEST_WHOLE").is_none(), "the whole run names a script for a private display");
            return eprintln!("the keys of the whole system were not tried: there is no private display");
        };
        let mut again = Command::new(display);
        again.arg(env::current_exe().unwrap()).args(["the_keys_are_heard_without_a_window", "--nocapture"]);
        let tried = again.env(ON_OWN_DISPLAY, "1").env("PULT_DISPLAY_ACCESSIBLE", "0").output().unwrap();
        let said = [tried.stdout, tried.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(tried.status.success() && said.contains("1 passed"), "{said}");
    }

    fn the_keys_are_heard_and_given_back() {
        let (wanted, wishes) = channel();
        let (tell, told) = channel();
        let watching = std::thread::spawn(move || watch(&wishes, move |what| _ = tell.send(what)));
        wanted.send(SystemKeys::default()).unwrap();
        let grab = until(&told, |one| matches!(one, Told::Grab(_)));
        assert!(matches!(&grab, Told::Grab(Grab::Held { refused }) if refused.is_empty()), "{grab:?}");
        for (key, expected) in [("ctrl+shift+F2", SystemKey::Answer), ("ctrl+shift+F4", SystemKey::Mute)] {
            assert!(Command::new("xdotool").args(["key", key]).status().unwrap().success());
            let pressed = until(&told, |one| matches!(one, Told::Pressed(_)));
            assert!(matches!(pressed, Told::Pressed(heard) if heard == expected), "{pressed:?}");
        }
        // Another program finds them free again.
        wanted.send(SystemKeys { on: false, ..SystemKeys::default() }).unwrap();
        until(&told, |one| matches!(one, Told::Grab(Grab::Off)));
        wanted.send(SystemKeys::default()).unwrap();
        until(&told, |one| matches!(one, Told::Grab(Grab::Held { refused }) if refused.is_empty()));
        drop(wanted);
        watching.join().unwrap();
    }
}
