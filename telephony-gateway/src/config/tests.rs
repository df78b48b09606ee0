use std::path::{Path, PathBuf};

use super::*;

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/gateway.toml")
}

/// The shipped configuration in a folder of its own, with one file changed.
fn with_change(file: &str, from: &str, to: &str) -> Result<Config, Vec<ConfigFault>> {
    let folder = tempfile::tempdir().unwrap();
    let source = shipped();
    for name in ["gateway.toml", "topics.toml", "results.toml", "reasons.toml", "forms.toml"] {
        let mut text = std::fs::read_to_string(source.with_file_name(name)).unwrap();
        if name == file {
            assert!(text.contains(from), "{file} has no {from:?}");
            text = text.replacen(from, to, 1);
        }
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    Config::load(&folder.path().join("gateway.toml"))
}

fn line_of(file: &str, text: &str) -> usize {
    let whole = std::fs::read_to_string(shipped().with_file_name(file)).unwrap();
    let first = text.lines().next().unwrap();
    whole.lines().position(|line| line.contains(first)).unwrap() + 1
}

/// Changes one line and expects one fault there, with these words.
#[track_caller]
fn check_fault(file: &str, from: &str, to: &str, words: &str) {
    let faults = with_change(file, from, to).expect_err("the change is a fault");
    let [fault] = faults.as_slice() else { panic!("one fault was expected: {faults:#?}") };
    assert!(fault.text.contains(words), "{fault}");
    let shown: (Option<&str>, usize) = (fault.file.file_name().and_then(|name| name.to_str()), fault.line);
    assert_eq!(shown, (Some(file), line_of(file, from)), "{fault}");
}

#[test]
fn the_shipped_configuration_is_sound() {
    let config = Config::load(&shipped()).unwrap_or_else(|faults| panic!("{faults:#?}"));
    assert_eq!(config.queue_for("+74950000001").unwrap().code, QueueCode::new("billing"));
    assert!(config.dial_plan.is_emergency("112") && config.dial_plan.allows("122"));
    assert!(!config.dial_plan.allows("89161234567"));
    assert_eq!(config.database_url, "sqlite:///var/lib/pult/pult.db");
    assert_eq!(config.media.ports, 20_000..=29_999);
    assert_eq!(config.catalogue.all_topics().count(), 50);
    assert_eq!(config.catalogue.forms.len(), 2);
    assert_eq!(config.catalogue.queues.len(), 2);
    assert!(config.catalogue.faults().is_empty());
}

#[test]
fn how_much_a_stranger_may_send_is_the_owner_s_to_say() {
    let usual = Config::load(&shipped()).unwrap().sip.flood;
    assert_eq!(usual, FloodLimits::default(), "what is shipped is what stands in the program");
    let changed = with_change("gateway.toml", "strangers_per_s = 1000", "strangers_per_s = 50").unwrap().sip.flood;
    assert_eq!(changed, FloodLimits { strangers_per_s: 50, ..usual });
    check_fault("gateway.toml", "stranger_per_s = 20", "stranger_per_s = 0", "must lie between 1 and");
}

#[test]
fn a_mistyped_key_is_named_with_the_one_that_was_meant() {
    check_fault("gateway.toml", "wrapup_s = 90", "wrapup = 90", "did you mean `wrapup_s`?");
    check_fault("gateway.toml", "node = 0", "nod = 0", "did you mean `node`?");
    check_fault("topics.toml", "en = \"Meters\"", "colour = 1\nen = \"Meters\"", "there is no key `colour` here");
}

#[test]
fn a_value_of_the_wrong_kind_is_named_with_what_it_should_be() {
    check_fault("gateway.toml", "ring_s = 20 ", "ring_s = \"20\"", "must be a whole number, it is a text");
    check_fault("gateway.toml", "plain = false", "plain = 1", "must be true or false");
    check_fault("gateway.toml", "threads = 1", "threads = 0", "between 1 and 64");
    check_fault("gateway.toml", "listen = \"127.0.0.1:7443\"", "listen = \"everywhere\"", "an address with a port");
    check_fault("gateway.toml", "first_port = 20000", "first_port = 20001", "must be even");
    check_fault("gateway.toml", "\"192.0.2.16/28\"", "\"192.0.2.16/33\"", "192.0.2.16/33");
    check_fault("gateway.toml", "realm = \"pult\"", "realm = \"a:b\"", "`realm` must be a word");
}

#[test]
fn what_would_be_dangerous_is_refused() {
    check_fault(
        "gateway.toml",
        "# database_url = \"postgres://pult@db.example.org/pult\"",
        "database_url = \"mysql://x\"",
        "sqlite://",
    );
    let open_desk = with_change("gateway.toml", "listen = \"127.0.0.1:7443\"", "listen = \"192.0.2.1:7443\"\n");
    assert!(open_desk.is_ok(), "with TLS any address may be used");
    check_fault("gateway.toml", "address = \"127.0.0.1\"", "address = \"0.0.0.0\"", "needs `advertised`");
}

#[test]
fn plain_text_for_desks_works_on_loopback_only() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["topics.toml", "results.toml", "reasons.toml", "forms.toml"] {
        std::fs::copy(shipped().with_file_name(name), folder.path().join(name)).unwrap();
    }
    let text = std::fs::read_to_string(shipped()).unwrap();
    let plain = text.replace("plain = false", "plain = true");
    let file = folder.path().join("gateway.toml");
    std::fs::write(&file, &plain).unwrap();
    assert!(Config::load(&file).is_ok());
    std::fs::write(&file, plain.replace("127.0.0.1:7443", "0.0.0.0:7443")).unwrap();
    let faults = Config::load(&file).unwrap_err();
    assert!(faults.len() == 1 && faults[0].text.contains("loopback only"), "{faults:#?}");
}

#[test]
fn codes_that_do_not_fit_together_are_shown_where_they_stand() {
    check_fault("topics.toml", "code = \"BIL.ODN\"", "code = \"BIL.CORR\"", "there twice");
    let faults = with_change("forms.toml", "topic = \"BIL.RECALC\"", "topic = \"BIL.NOTHING\"").unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:#?}");
    assert!(faults[0].text.contains("`BIL.NOTHING`"), "{}", faults[0]);
    assert_eq!(faults[0].line, line_of("forms.toml", "code = \"recalculation\""));
    check_fault(
        "forms.toml",
        "type = \"month\", required = true },\n    { code = \"period_to\"",
        "type = \"moth\", required = true },\n    { code = \"period_to\"",
        "zone_readings",
    );
    check_fault("gateway.toml", "trunk = \"carrier\"  ", "trunk = \"carrot\"", "there is no trunk `carrot`");
}

#[test]
fn a_trunk_is_reached_over_what_the_gateway_speaks() {
    let (udp, tcp) = ("transport = \"udp\"\n# Ask", "transport = \"tcp\"\n# Ask");
    let config = with_change("gateway.toml", udp, tcp).unwrap_or_else(|faults| panic!("{faults:#?}"));
    assert_eq!(config.sip.trunks[0].transport, Transport::Tcp);
    let (v4, v6) = ("address = \"192.0.2.10:5060\"", "address = \"[2001:db8::10]:5060\"");
    for (from, to, words) in [
        (udp, "transport = \"sctp\"\n# Ask", "`transport` must be udp, tcp or tls"),
        (v4, v6, "the trunk `carrier`: no `listen` has its transport"),
    ] {
        let faults = with_change("gateway.toml", from, to).unwrap_err();
        let [fault] = faults.as_slice() else { panic!("one fault was expected: {faults:#?}") };
        assert!(fault.text.contains(words), "{fault}");
    }
}

#[test]
fn every_fault_of_every_file_comes_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.toml");
    std::fs::write(&file, "node = 900\n[sip]\nlisten = 1\n[media]\nthreads = -1\n").unwrap();
    let faults = Config::load(&file).unwrap_err();
    let text = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    for words in [
        "gateway.toml:1: `node` must lie between 0 and 127",
        "gateway.toml:3: `listen` must be a list of tables",
        "gateway.toml:5: `threads` must be a whole number from 0 up",
        "the table `[desk]` is missing",
        "there is no `[[queues]]`",
        "topics.toml:1: cannot be read",
        "forms.toml:1: cannot be read",
    ] {
        assert!(text.contains(words), "{words:?} is not in\n{text}");
    }
}

#[test]
fn broken_toml_is_shown_where_it_breaks() {
    let faults = with_change("reasons.toml", "code = \"lunch\"", "code = \"lunch").unwrap_err();
    let line = line_of("reasons.toml", "code = \"lunch\"");
    assert!(faults.iter().any(|fault| fault.line == line && fault.text.contains("no TOML")), "{faults:#?}");
}

#[test]
fn a_reason_that_the_gateway_needs_cannot_be_taken_away() {
    let faults = with_change("reasons.toml", "code = \"device\"", "code = \"gadget\"").unwrap_err();
    assert!(faults[0].text.contains("the reason `device` is missing"), "{faults:#?}");
}

#[test]
fn a_database_password_is_never_shown() {
    assert_eq!(without_password("postgres://pult:secret@db/pult"), "postgres://pult@db/pult");
    assert_eq!(without_password("postgres://pult:p@ss@db/pult"), "postgres://pult@db/pult");
    assert_eq!(without_password("sqlite:///var/lib/pult/pult.db"), "sqlite:///var/lib/pult/pult.db");
}

mod dialling;
