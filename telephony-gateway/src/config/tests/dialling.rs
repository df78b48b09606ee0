//! Trunks, routes, TLS and the limits of what is dialled: what is commented out as it is shipped, switched on.

use shared::domain::agent::Role;
use shared::money::Money;

use super::*;
use crate::routing::number::Dialled;
use crate::routing::ways::TrunkStates;
use crate::sip::{CallerId, Secure};

/// The shipped file with every example of a setting switched on, each name of a file made one that is there.
fn everything() -> String {
    let text = std::fs::read_to_string(shipped()).unwrap();
    let examples = [
        "advertised",
        "phones_secure",
        "[[sip.listen]]",
        "transport",
        "address",
        "[sip.tls]",
        "certificate",
        "key",
        "channels",
        "domain",
        "outgoing",
        "incoming",
        "[sip.trunks",
        "user",
        "password_file",
        "realm",
        "expires_s",
        "number",
        "server_name",
        "authority",
        "[[routes]]",
        "name",
        "trunks",
        "cost_a_day",
        "[dial_plan",
        "[[dial_plan",
        "allowed",
        "denied",
        "calls_",
        "queue",
        "a_minute",
        "advertised_v6",
        "address_v6",
    ];
    let on = |line: &str| -> String {
        let bare = line.strip_prefix("# ").unwrap_or(line);
        let is_setting = bare.starts_with('[') || bare.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
        if is_setting && examples.iter().any(|example| bare.starts_with(example)) {
            bare.to_owned()
        } else {
            line.to_owned()
        }
    };
    let text: Vec<String> = text.lines().map(on).collect();
    let second = "[[sip.trunks]]\nname = \"reserve\"\nsources = [\"192.0.2.99\"]\naddress = \"192.0.2.99:5061\"\ntransport = \"tls\"\n";
    let text = text.join("\n").replace("[sip.trunks.tls]", &format!("{second}[sip.trunks.tls]"));
    text.replace("/etc/pult/", "") + "\n"
}

/// Reads that file with one change.
fn with(from: &str, to: &str) -> (Result<Config, Vec<ConfigFault>>, String) {
    with_changes(&[(from, to)])
}

fn with_changes(changes: &[(&str, &str)]) -> (Result<Config, Vec<ConfigFault>>, String) {
    let folder = tempfile::tempdir().unwrap();
    for name in ["topics.toml", "results.toml", "reasons.toml", "forms.toml"] {
        std::fs::copy(shipped().with_file_name(name), folder.path().join(name)).unwrap();
    }
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate =
        rcgen::CertificateParams::new(vec!["pult.example".to_owned()]).unwrap().self_signed(&key).unwrap();
    for (name, text) in [
        ("sip-cert.pem", certificate.pem()),
        ("sip-key.pem", key.serialize_pem()),
        ("carrier-ca.pem", certificate.pem()),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    std::fs::write(folder.path().join("carrier-password"), "secret\n").unwrap();
    let mut text = everything();
    for (from, to) in changes {
        assert!(text.contains(from), "there is no {from:?} in\n{text}");
        text = text.replacen(from, to, 1);
    }
    let file = folder.path().join("gateway.toml");
    std::fs::write(&file, &text).unwrap();
    (Config::load(&file), text)
}

#[test]
fn every_example_in_the_shipped_file_can_be_switched_on() {
    let (config, text) = with("", "");
    let config = config.unwrap_or_else(|faults| panic!("{faults:#?}\n{text}"));
    let [carrier, reserve] = config.sip.trunks.as_slice() else { panic!("{:#?}", config.sip.trunks) };
    let login = carrier.login.as_ref().unwrap();
    assert_eq!(
        (login.user.as_str(), login.password.expose(), login.realm.as_str()),
        ("74950000001", "secret", "sip.carrier.example")
    );
    assert_eq!(carrier.register.as_ref().unwrap().number.as_deref(), Some("+74950000001"));
    assert_eq!((carrier.caller_id, carrier.secure, carrier.line.channels), (CallerId::From, Secure::No, Some(30)));
    assert!(matches!(&reserve.tls.trust, Trust::Authority(file) if file.ends_with("carrier-ca.pem")));
    assert!(matches!(config.sip.tls, Some(SipTls::Files { .. })));
    let (v4, v6): (IpAddr, IpAddr) = ("0.0.0.0".parse().unwrap(), "::".parse().unwrap());
    assert_eq!(config.sip.advertised_for(v4).map(|ip| ip.to_string()).as_deref(), Some("203.0.113.5"));
    assert_eq!(config.sip.advertised_for(v6).map(|ip| ip.to_string()).as_deref(), Some("2001:db8::5"));

    let ways = config.routes.ways(&Dialled::parse("84952040000").unwrap(), &TrunkStates::default(), 1);
    let ways: Vec<_> = ways.iter().map(|way| (&*way.trunk, way.number_as_dialled.as_str())).collect();
    assert_eq!(ways, [("carrier", "84952040000"), ("reserve", "+74952040000")]);
    let help = config.routes.route(&Dialled::parse("103").unwrap()).unwrap();
    assert_eq!(&*help.name, "russia");
    let short = config.routes.route(&Dialled::parse("122").unwrap()).unwrap();
    assert_eq!(&*short.name, "dial_plan", "what no route means goes over the trunk of the dial plan");
    let toll = &config.dial_plan.toll;
    assert_eq!(toll.roles[&Role::Operator].cost_a_day, Some(Money(50_000)));
    assert_eq!(toll.price(&Dialled::parse("88002001122").unwrap()), Some(Money::ZERO));
    assert!(toll.queues.contains_key(&QueueCode::new("billing")));
    assert!(!toll.roles.contains_key(&Role::Supervisor));
}

/// One change, one fault, in the line of the change, with these words.
#[track_caller]
fn check(from: &str, to: &str, words: &str) {
    let (config, text) = with(from, to);
    let faults = config.err().unwrap_or_else(|| panic!("{to:?} is a fault"));
    let [fault] = faults.as_slice() else { panic!("one fault was expected: {faults:#?}") };
    assert!(fault.text.contains(words), "{fault}");
    let first = to.lines().next().unwrap();
    let line = text.lines().position(|line| line.contains(first)).unwrap() + 1;
    assert_eq!(fault.line, line, "{fault}");
}

#[test]
fn a_fault_of_a_trunk_is_named_where_it_stands() {
    check("channels = 30", "channels = 0", "between 1 and 10000");
    check("caller_id = \"from\"", "caller_id = \"to\"", "`caller_id` must be from or asserted");
    check("secure = \"no\"\n# How", "secure = \"maybe\"\n# How", "`secure` must be no, offer or require");
    check("domain = \"sip.carrier.example\"", "domain = \"sip carrier\"", "`domain` must be a host name");
    check("strip = 2, prepend = \"8\"", "strip = 2, prepend = \"8p\"", "takes digits, +, * and #");
    check("user = \"74950000001\"", "user = \"a\\\"b\"", "must not have quotes");
    check("expires_s = 600", "expires_s = 5", "must be at least 60");
    check("password_file = \"carrier-password\"", "password_file = \"nowhere\"", "nowhere cannot be read");
    check("password_file = \"carrier-password\"", "password_env = \"PULT_NO_SUCH_THING\"", "no `PULT_NO_SUCH_THING`");
    check("authority = \"carrier-ca.pem\"", "authority = \"nowhere.pem\"", "holds no certificate");
    check("authority = \"carrier-ca.pem\"", "authority = \"sip-key.pem\"", "holds no certificate");
    check("authority = \"carrier-ca.pem\"", "fingerprint = \"AB:CD\"", "64 hexadecimal digits");
    check("phones_secure = \"no\"", "phones_secure = \"yes\"", "`phones_secure` must be");
    check("advertised_v6 = \"2001:db8::5\"", "advertised_v6 = \"192.0.2.1\"", "must be an IPv6 address");
    check("certificate = \"sip-cert.pem\"", "certificate = \"nowhere.pem\"", "holds no certificate");
    check("key = \"sip-key.pem\"", "key = \"sip-cert.pem\"", "holds no key");
}

#[test]
fn a_password_stands_in_one_place() {
    let two = "password = \"x\"\npassword_file = \"carrier-password\"";
    let (config, _) = with("password_file = \"carrier-password\"", two);
    let faults = config.unwrap_err();
    assert!(faults.len() == 1 && faults[0].text.contains("give one of"), "{faults:#?}");
    let (config, _) = with("password_file = \"carrier-password\"", "password = \"right here\"");
    let config = config.unwrap();
    assert_eq!(config.sip.trunks[0].login.as_ref().unwrap().password.expose(), "right here");
    assert!(!format!("{config:?}").contains("right here"), "a password is never printed");
}

#[test]
fn a_fault_of_a_route_or_a_limit_is_named_where_it_stands() {
    check(
        "numbers = [\"+7\", \"112\", \"10X\"]",
        "numbers = [\"7495x\", \"112\", \"10X\", \"+7\"]",
        "`7495x` names no numbers",
    );
    check("{ trunk = \"reserve\", order = 2 }]", "{ trunk = \"reverse\", order = 2 }]", "there is no trunk `reverse`");
    check("{ trunk = \"reserve\", order = 2 }]", "{ trunk = \"carrier\", order = 2 }]", "is there twice");
    check("denied = [\"+7803\", \"+7809\"]", "denied = [\"8803\", \"+7 809\"]", "`+7 809` names no numbers");
    check("calls_an_hour = 60", "calls_an_hour = 0", "between 1 and 1000");
    check("queue = \"billing\"", "queue = \"biling\"", "there is no queue `biling`");
}

#[test]
fn a_call_for_help_has_a_way_out_where_there_are_routes() {
    let no_trunk = ("trunk = \"carrier\"  ", "# ");
    assert!(with_changes(&[no_trunk]).0.is_ok(), "the routes lead to every one of them");
    let no_route = ("\"112\", \"10X\"]\ntrunks", "\"10X\"]\ntrunks");
    assert!(with_changes(&[no_route]).0.is_ok(), "the trunk of the dial plan takes it");
    let faults = with_changes(&[no_trunk, no_route]).0.unwrap_err();
    assert!(faults.len() == 1 && faults[0].text.contains("no route leads to `112`"), "{faults:#?}");
}

#[test]
fn a_limit_of_cost_needs_prices() {
    let (config, _) = with_changes(&[
        ("[[dial_plan.prices]]\nnumbers = \"+7\"\na_minute_kopecks = 150\n", ""),
        ("[[dial_plan.prices]]\nnumbers = \"+7800\"\na_minute_kopecks = 0\n", ""),
    ]);
    let faults = config.unwrap_err();
    assert!(faults.len() == 1 && faults[0].text.contains("every number would be refused"), "{faults:#?}");
}

/// The shipped file with more lines behind it.
fn with_more(more: &str) -> Result<Config, Vec<ConfigFault>> {
    let folder = tempfile::tempdir().unwrap();
    for name in ["gateway.toml", "topics.toml", "results.toml", "reasons.toml", "forms.toml"] {
        std::fs::copy(shipped().with_file_name(name), folder.path().join(name)).unwrap();
    }
    std::fs::write(folder.path().join("provider-password"), "secret").unwrap();
    let file = folder.path().join("gateway.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}\n{more}")).unwrap();
    Config::load(&file)
}

#[test]
fn the_examples_of_the_readme_are_sound() {
    let readme = std::fs::read_to_string(shipped().with_file_name("../README.md")).unwrap();
    let part = readme.split("### 8. Trunks").nth(1).unwrap().split("\n### ").next().unwrap();
    let mut examples = vec![String::new()];
    for line in part.lines() {
        match line.strip_prefix("    ") {
            Some(code) => *examples.last_mut().unwrap() += &format!("{code}\n"),
            None if line.is_empty() => {}
            None => examples.push(String::new()),
        }
    }
    examples.retain(|example| !example.is_empty());
    assert_eq!(examples.len(), 3);
    let by_address = with_more(&examples[0].replace("\"carrier\"", "\"by_address\"")).unwrap();
    assert_eq!(by_address.sip.trunks[1].sources.len(), 2);
    let by_registration = with_more(&examples[1]).unwrap();
    let trunk = &by_registration.sip.trunks[1];
    assert!(trunk.register.is_some() && trunk.transport == Transport::Tls);
    assert_eq!(trunk.login.as_ref().unwrap().realm, "sip.provider.example");
    let two = with_more(&examples[2]).unwrap();
    let ways = two.routes.ways(&Dialled::parse("84952040000").unwrap(), &TrunkStates::default(), 1);
    let ways: Vec<_> = ways.iter().map(|way| (&*way.trunk, way.number_as_dialled.as_str())).collect();
    assert_eq!(ways, [("first", "+74952040000"), ("second", "84952040000")]);
}

#[test]
fn the_lines_that_the_examples_ask_for_are_sound() {
    for name in ["kamailio.cfg", "asterisk-pjsip.conf", "freeswitch-gateway.xml"] {
        let text = std::fs::read_to_string(shipped().with_file_name("examples").join(name)).unwrap();
        let bare = |line: &str| line.trim_start_matches(['#', ';', ' ']).to_owned();
        let lines: Vec<String> = text
            .lines()
            .map(bare)
            .skip_while(|line| line != "[[sip.trunks]]")
            .take_while(|line| !line.is_empty())
            .collect();
        let config = with_more(&lines.join("\n")).unwrap_or_else(|faults| panic!("{name}: {faults:#?}"));
        assert!(config.sip.trunks[1].address.is_some(), "{name}");
    }
}
