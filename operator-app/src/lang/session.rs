use super::{Tr, plural_en, plural_ru};
use crate::state::grab::{Grab, action_of};
use crate::state::session::{Refused, SignInError};
use shared::time::Moment;

/// Signing in, the locked workplace, and the settings.
#[derive(Debug)]
pub struct SessionWords {
    pub(crate) program: &'static str,
    pub(crate) what_it_is: &'static str,
    pub(crate) gateway: &'static str,
    pub(crate) gateway_hint: &'static str,
    pub(crate) login: &'static str,
    pub(crate) password: &'static str,
    pub(crate) sign_in: &'static str,
    pub(crate) signing_in: &'static str,
    pub(crate) first_time: &'static str,
    pub(crate) compare: &'static str,
    pub(crate) fingerprint: &'static str,
    pub(crate) trust: &'static str,
    pub(crate) do_not_trust: &'static str,
    pub(crate) locked: &'static str,
    pub(crate) locked_hint: &'static str,
    pub(crate) unlock: &'static str,
    pub(crate) wrong_password: &'static str,
    pub(crate) continue_here: &'static str,
    pub(crate) sign_out: &'static str,
    pub(crate) elsewhere: &'static str,
    pub(crate) elsewhere_meaning: &'static str,
    pub(crate) taken_over: &'static str,
    pub(crate) taken_over_meaning: &'static str,
    pub(crate) other_version: &'static str,
    pub(crate) other_version_meaning: fn(u32) -> String,
    pub(crate) malformed: &'static str,
    pub(crate) malformed_meaning: &'static str,
    pub(crate) settings: &'static str,
    pub(crate) look: &'static str,
    pub(crate) theme: &'static str,
    pub(crate) dark: &'static str,
    pub(crate) light: &'static str,
    pub(crate) language: &'static str,
    pub(crate) zoom: &'static str,
    pub(crate) calls: &'static str,
    pub(crate) notify: &'static str,
    pub(crate) notify_meaning: &'static str,
    pub(crate) system_keys: &'static str,
    pub(crate) system_keys_on: &'static str,
    pub(crate) system_keys_meaning: &'static str,
    pub(crate) chord_unknown: &'static str,
    pub(crate) chord_too_plain: &'static str,
    pub(crate) chord_taken: &'static str,
    pub(crate) own_password: &'static str,
    pub(crate) old_password: &'static str,
    pub(crate) new_password: &'static str,
    pub(crate) again: &'static str,
    pub(crate) change: &'static str,
    pub(crate) changed: &'static str,
    pub(crate) too_short: &'static str,
    pub(crate) not_the_same: &'static str,
    pub(crate) not_changed: &'static str,
    pub(crate) signed_in_as: &'static str,
    pub(crate) ringing: &'static str,
    error: fn(&SignInError, u64) -> String,
}

/// The gateway takes no shorter password.
pub const SHORTEST_PASSWORD: usize = 8;

impl SessionWords {
    /// One sentence with a next step.
    pub(crate) fn error(&self, error: &SignInError, now: Moment) -> String {
        let wait_s = match error {
            SignInError::Wait { until } => until.since(now).as_secs_f32().ceil() as u64,
            _ => 0,
        };
        (self.error)(error, wait_s)
    }

    /// What happened, and what it means.
    pub(crate) fn refused(&self, why: &Refused) -> (&'static str, String) {
        match why {
            Refused::DeskElsewhere => (self.elsewhere, self.elsewhere_meaning.to_owned()),
            Refused::TakenOver => (self.taken_over, self.taken_over_meaning.to_owned()),
            Refused::Version { gateway } => (self.other_version, (self.other_version_meaning)(*gateway)),
            Refused::Malformed => (self.malformed, self.malformed_meaning.to_owned()),
        }
    }
}

pub const RU: SessionWords = SessionWords {
    program: "Пульт",
    what_it_is: "Рабочее место оператора",
    gateway: "Сервер",
    gateway_hint: "wss://адрес:порт",
    login: "Логин",
    password: "Пароль",
    sign_in: "Войти",
    signing_in: "Входим…",
    first_time: "Первый вход на этот сервер",
    compare: "Сравните отпечаток сертификата с тем, который назвал администратор. Если он другой, не продолжайте.",
    fingerprint: "Отпечаток сертификата (SHA-256)",
    trust: "Совпадает, продолжить",
    do_not_trust: "Не продолжать",
    locked: "Рабочее место закрыто",
    locked_hint: "Звонок, если он есть, продолжается. Введите свой пароль, чтобы вернуться.",
    unlock: "Открыть",
    wrong_password: "Пароль не подошёл. Проверьте раскладку и Caps Lock.",
    continue_here: "Продолжить здесь",
    sign_out: "Выйти",
    elsewhere: "Вы уже работаете на другом месте",
    elsewhere_meaning: "Можно продолжить здесь: звонок и карточка перейдут сюда, то место закроется.",
    taken_over: "Работа продолжена на другом месте",
    taken_over_meaning: "Звонок и карточка теперь там. Набранный здесь текст сохранён на этом компьютере.",
    other_version: "Версии программы и сервера разные",
    other_version_meaning: |gateway| {
        format!("Сервер говорит на версии {gateway}. Обновите программу или позовите администратора.")
    },
    malformed: "Сервер не понял эту программу",
    malformed_meaning: "Позовите администратора: подробности есть в журнале сервера.",
    settings: "Настройки",
    look: "Вид",
    theme: "Тема",
    dark: "Тёмная",
    light: "Светлая",
    language: "Язык",
    zoom: "Масштаб",
    calls: "Звонки",
    notify: "Показывать уведомление о звонке",
    notify_meaning: "Когда окно программы не на переднем плане",
    system_keys: "Клавиши во всей системе",
    system_keys_on: "Отвечать, завершать и выключать микрофон из любого окна",
    system_keys_meaning: "Окно программы при этом не выходит вперёд. Заблокированное рабочее место их не слушает.",
    chord_unknown: "Напишите, например, Ctrl+Shift+F2",
    chord_too_plain: "Нужны две из клавиш Ctrl, Alt и Shift",
    chord_taken: "Уже занято другим действием",
    own_password: "Мой пароль",
    old_password: "Нынешний пароль",
    new_password: "Новый пароль",
    again: "Новый пароль ещё раз",
    change: "Сменить пароль",
    changed: "Пароль сменён.",
    too_short: "Не короче 8 знаков",
    not_the_same: "Пароли не совпадают",
    not_changed: "Пароль не сменён: проверьте нынешний пароль.",
    signed_in_as: "Вход выполнен",
    ringing: "Входящий вызов",
    error: error_ru,
};

pub const EN: SessionWords = SessionWords {
    program: "Pult",
    what_it_is: "The operator's workstation",
    gateway: "Server",
    gateway_hint: "wss://address:port",
    login: "Login",
    password: "Password",
    sign_in: "Sign in",
    signing_in: "Signing in…",
    first_time: "First sign-in on this server",
    compare: "Compare the certificate's fingerprint with the one your administrator gave you. If it differs, stop here.",
    fingerprint: "Certificate fingerprint (SHA-256)",
    trust: "It matches, go on",
    do_not_trust: "Stop here",
    locked: "Workplace locked",
    locked_hint: "A call, if there is one, goes on. Type your password to come back.",
    unlock: "Unlock",
    wrong_password: "That is not the password. Check the layout and Caps Lock.",
    continue_here: "Continue here",
    sign_out: "Sign out",
    elsewhere: "You are working at another place already",
    elsewhere_meaning: "You can continue here: call and card move here, the other place closes.",
    taken_over: "Work goes on at another place",
    taken_over_meaning: "Call and card are there now. What was typed here is kept on this computer.",
    other_version: "Program and server are of different versions",
    other_version_meaning: |gateway| {
        format!("The server speaks version {gateway}. Update the program or call the administrator.")
    },
    malformed: "The server did not understand this program",
    malformed_meaning: "Call the administrator: the server's log has the details.",
    settings: "Settings",
    look: "Look",
    theme: "Theme",
    dark: "Dark",
    light: "Light",
    language: "Language",
    zoom: "Zoom",
    calls: "Calls",
    notify: "Show a notification when a call rings",
    notify_meaning: "While the program's window is not in front",
    system_keys: "System-wide keys",
    system_keys_on: "Answer, hang up and mute from any window",
    system_keys_meaning: "The program's window does not come to the front. A locked workplace does not hear them.",
    chord_unknown: "Write, for example, Ctrl+Shift+F2",
    chord_too_plain: "Two of Ctrl, Alt and Shift are needed",
    chord_taken: "Another action has it already",
    own_password: "My password",
    old_password: "Present password",
    new_password: "New password",
    again: "New password again",
    change: "Change password",
    changed: "The password is changed.",
    too_short: "At least 8 characters",
    not_the_same: "The passwords differ",
    not_changed: "Not changed: check the present password.",
    signed_in_as: "Signed in",
    ringing: "Incoming call",
    error: error_en,
};

fn error_ru(error: &SignInError, wait_s: u64) -> String {
    match error {
        SignInError::BadAddress => "Это не похоже на адрес сервера. Пример: wss://pult.example.org:7443".to_owned(),
        SignInError::PlainTextRefused => {
            "Без шифрования можно работать только с сервером на этом же компьютере. Начните адрес с wss://".to_owned()
        }
        SignInError::Unreachable { what } if what.is_empty() => "Сервер не отвечает. Попробуйте ещё раз.".to_owned(),
        SignInError::Unreachable { what } => format!("Сервер не отвечает ({what}). Проверьте адрес и сеть."),
        SignInError::WrongPassword => "Логин или пароль не подошли. Проверьте раскладку и Caps Lock.".to_owned(),
        SignInError::Wait { .. } => {
            let seconds = plural_ru(wait_s as usize, "секунду", "секунды", "секунд");
            format!("Слишком много попыток. Попробуйте через {wait_s} {seconds}.")
        }
        SignInError::CertificateChanged { found } => format!(
            "Сертификат сервера сменился, пароль не отправлен. Позовите администратора. Новый отпечаток: {found}"
        ),
        SignInError::AlreadyOpen => "Программа с этим логином уже открыта на этом компьютере.".to_owned(),
        SignInError::SessionOver => "Сеанс закончился. Войдите снова: набранный текст сохранён.".to_owned(),
        SignInError::Other { text } => format!("Сервер ответил: {text}"),
    }
}

fn error_en(error: &SignInError, wait_s: u64) -> String {
    match error {
        SignInError::BadAddress => "This is no server address. Example: wss://pult.example.org:7443".to_owned(),
        SignInError::PlainTextRefused => {
            "Only a server on this very computer may be used without encryption. Begin the address with wss://"
                .to_owned()
        }
        SignInError::Unreachable { what } if what.is_empty() => "The server does not answer. Try again.".to_owned(),
        SignInError::Unreachable { what } => format!("The server does not answer ({what}). Check address and network."),
        SignInError::WrongPassword => "Login or password is wrong. Check the layout and Caps Lock.".to_owned(),
        SignInError::Wait { .. } => {
            format!("Too many tries. Try again in {wait_s} {}.", plural_en(wait_s as usize, "second", "seconds"))
        }
        SignInError::CertificateChanged { found } => format!(
            "The server's certificate has changed, the password was not sent. Call the administrator. New fingerprint: {found}"
        ),
        SignInError::AlreadyOpen => "The program is open on this computer with this login already.".to_owned(),
        SignInError::SessionOver => "The session is over. Sign in again: what was typed is kept.".to_owned(),
        SignInError::Other { text } => format!("The server says: {text}"),
    }
}

impl Tr {
    /// What became of the keys of the whole system.
    pub(crate) fn grab(&self, grab: &Grab) -> String {
        let (ru, en) = match grab {
            Grab::Off => ("Клавиши подключаются…", "The keys are being set up…"),
            Grab::Held { refused } if refused.is_empty() => ("Клавиши работают", "The keys work"),
            Grab::Held { refused } => {
                let names: Vec<&str> = refused.iter().map(|key| self.action(action_of(*key))).collect();
                let said = self.pick(
                    "Клавишу уже занимает другая программа, выберите иную",
                    "Another program has the key, choose another one",
                );
                return format!("{said}: {}", names.join(", "));
            }
            Grab::NotHere => (
                "Эта рабочая среда не даёт программам таких клавиш (Wayland или нет X11). В окне программы клавиши работают.",
                "This desktop gives programs no such keys (Wayland, or no X11). In the program's window the keys work.",
            ),
        };
        self.pick(ru, en).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_after_wrong_passwords_counts_down() {
        let error = SignInError::Wait { until: Moment::at_ms(22_000) };
        assert_eq!(RU.error(&error, Moment::at_ms(1_000)), "Слишком много попыток. Попробуйте через 21 секунду.");
        assert_eq!(EN.error(&error, Moment::at_ms(21_500)), "Too many tries. Try again in 1 second.");
    }
}
