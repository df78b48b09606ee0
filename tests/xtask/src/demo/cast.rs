//! Who works in the demo, and every command line that it starts. Nothing here touches the machine.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The callers come from this address: the gateway knows its trunk by it. All of 127/8 is loopback on Linux.
const CARRIER_ADDRESS: &str = "127.0.0.2";
/// The number that the city dials.
const DIALLED: &str = "88002001122";
/// The name of the gateway's own file among those of the configuration.
pub const GATEWAY_CONFIG: &str = "gateway.toml";
/// The same city each time.
const SEED: &str = "1";
/// The number of the first operator's telephone.
const FIRST_PHONE: u16 = 101;

/// Somebody with an account at the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Employee {
    pub login: &'static str,
    pub name: &'static str,
    pub role: &'static str,
    pub phone: Option<u16>,
}

const OPERATORS: [(&str, &str); 10] = [
    ("anna", "Анна Соколова"),
    ("boris", "Борис Ершов"),
    ("vera", "Вера Миронова"),
    ("gleb", "Глеб Тарасов"),
    ("daria", "Дарья Климова"),
    ("egor", "Егор Панин"),
    ("zhanna", "Жанна Орлова"),
    ("ivan", "Иван Белов"),
    ("kira", "Кира Зуева"),
    ("lev", "Лев Фомин"),
];

const SUPERVISOR: Employee =
    Employee { login: "olga", name: "Ольга Лебедева", role: "supervisor", phone: None };

/// So many operators, each with a telephone, and the supervisor when one is wanted.
pub fn people(n_operators: u8, with_supervisor: bool) -> Vec<Employee> {
    let numbers = FIRST_PHONE..;
    let operators = OPERATORS.iter().zip(numbers).take(usize::from(n_operators));
    operators
        .map(|(&(login, name), phone)| Employee { login, name, role: "operator", phone: Some(phone) })
        .chain(with_supervisor.then_some(SUPERVISOR))
        .collect()
}

pub fn build_arguments() -> [&'static str; 14] {
    [
        "build",
        "--release",
        "--package",
        "telephony-gateway",
        "--package",
        "operator-app",
        "--package",
        "tests",
        "--bin",
        "telephony-gateway",
        "--bin",
        "operator-app",
        "--bin",
        "carrier",
    ]
}

/// Where this demo plays.
pub struct Stage {
    /// Everything that the demo writes.
    pub folder: PathBuf,
    /// Where the built programs are.
    pub programs: PathBuf,
    pub pictures: PathBuf,
    pub desk_port: u16,
    pub sip_port: u16,
}

impl Stage {
    /// The configuration of the demo's gateway: its own file, and beside it the shipped words of business.
    pub fn config_folder(&self) -> PathBuf {
        self.folder.join("config")
    }

    pub fn gateway_config(&self) -> PathBuf {
        self.config_folder().join(GATEWAY_CONFIG)
    }

    /// The numbers of customers worth calling from: written by the generator, read by the callers.
    pub fn numbers(&self) -> PathBuf {
        self.folder.join("demo-numbers.json")
    }

    /// A password of a person by login, or of a telephone by number.
    pub fn password_file(&self, whose: &str) -> PathBuf {
        self.folder.join(format!("{whose}.password"))
    }

    fn database(&self) -> String {
        format!("sqlite://{}", self.folder.join("pult.sqlite").display())
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.current_dir(&self.folder);
        command
    }

    pub fn generate(&self, n_customers: u32) -> Command {
        let mut command = self.program("telephony-gateway");
        command.args(["generate", "--database", &self.database(), "--customers", &n_customers.to_string()]);
        command.args(["--seed", SEED, "--numbers"]).arg(self.numbers());
        command
    }

    /// The commands that give a person an account and a telephone, each with the name of its password file.
    pub fn hire(&self, person: &Employee) -> Vec<(String, Command)> {
        let mut hiring = Vec::new();
        if let Some(number) = person.phone {
            let number = number.to_string();
            let mut phone = self.program("telephony-gateway");
            phone.args(["phone", "add", &number, "--database", &self.database(), "--password-file"]);
            phone.arg(self.password_file(&number));
            hiring.push((number, phone));
        }
        let mut user = self.program("telephony-gateway");
        user.args(["user", "add", person.login, "--name", person.name, "--role", person.role]);
        if let Some(number) = person.phone {
            user.args(["--phone", &number.to_string()]);
        }
        user.args(["--database", &self.database(), "--password-file"]).arg(self.password_file(person.login));
        hiring.push((person.login.to_owned(), user));
        hiring
    }

    pub fn serve(&self) -> Command {
        let mut command = self.program("telephony-gateway");
        command.args(["serve", "--config"]).arg(self.gateway_config());
        command
    }

    pub fn telephone(&self, number: u16) -> Command {
        let number = number.to_string();
        let mut command = self.program("carrier");
        command.args(["phone", "--gateway", &self.sip_address(), "--number", &number, "--password-file"]);
        command.arg(self.password_file(&number));
        command
    }

    pub fn callers(&self, every_s: u32) -> Command {
        let mut command = self.program("carrier");
        command.args(["callers", "--gateway", &self.sip_address(), "--from", CARRIER_ADDRESS, "--to", DIALLED]);
        command.args(["--every", &every_s.to_string(), "--numbers"]).arg(self.numbers());
        command
    }

    pub fn window(&self, person: &Employee) -> Command {
        let mut command = self.program("operator-app");
        command.args(["--gateway", &format!("ws://127.0.0.1:{}", self.desk_port), "--login", person.login]);
        command.arg("--password-file").arg(self.password_file(person.login));
        command.arg("--state-dir").arg(self.folder.join(format!("desk-{}", person.login)));
        command
    }

    /// The script which works through a shift in place of a person.
    pub fn driver<'a>(&self, script: &Path, windows: impl Iterator<Item = (&'a str, u32)>, every_s: u32) -> Command {
        // Debian's own Python: a newer one from elsewhere lacks the bindings of the accessibility bus.
        let mut command = Command::new("/usr/bin/python3");
        command.arg("-B").arg(script).arg("--pictures").arg(&self.pictures).args(["--every", &every_s.to_string()]);
        for (login, pid) in windows {
            let option = if login == SUPERVISOR.login { "--supervisor" } else { "--operator" };
            command.args([option, &pid.to_string()]);
        }
        command
    }

    fn sip_address(&self) -> String {
        format!("127.0.0.1:{}", self.sip_port)
    }
}

/// The gateway's configuration for the demo, with addresses on loopback alone.
pub fn gateway_config(stage: &Stage) -> String {
    include_str!("gateway.toml")
        .replace("{database}", &stage.database())
        .replace("{folder}", &stage.folder.display().to_string())
        .replace("{sip_port}", &stage.sip_port.to_string())
        .replace("{desk_port}", &stage.desk_port.to_string())
        .replace("{carrier}", CARRIER_ADDRESS)
        .replace("{dialled}", DIALLED)
}

/// The lines `NAME=value` that the private display prints before it says `ready`.
pub fn display_variables(printed: &str) -> Vec<(String, String)> {
    let pair = |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    printed.lines().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage() -> Stage {
        Stage {
            folder: "/t/demo".into(),
            programs: "/t/release".into(),
            pictures: "/t/pictures".into(),
            desk_port: 8443,
            sip_port: 5060,
        }
    }

    fn line(command: &Command) -> String {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_operator_has_a_telephone_and_the_supervisor_has_none() {
        let people = people(3, true);
        let seen: Vec<_> = people.iter().map(|person| (person.login, person.role, person.phone)).collect();
        assert_eq!(
            seen,
            [
                ("anna", "operator", Some(101)),
                ("boris", "operator", Some(102)),
                ("vera", "operator", Some(103)),
                ("olga", "supervisor", None),
            ]
        );
    }

    #[test]
    fn a_person_is_hired_with_a_telephone_before_the_account_that_names_it() {
        let lines: Vec<String> = stage().hire(&people(1, false)[0]).iter().map(|(_, command)| line(command)).collect();
        assert_eq!(
            lines,
            [
                "/t/release/telephony-gateway phone add 101 --database sqlite:///t/demo/pult.sqlite \
                 --password-file /t/demo/101.password",
                "/t/release/telephony-gateway user add anna --name Анна Соколова --role operator --phone 101 \
                 --database sqlite:///t/demo/pult.sqlite --password-file /t/demo/anna.password",
            ]
        );
    }

    #[test]
    fn no_password_ever_stands_on_a_command_line() {
        let stage = stage();
        let commands = [stage.window(&SUPERVISOR), stage.telephone(101)];
        assert!(commands.iter().all(|command| line(command).contains("--password-file /t/demo/")));
    }

    #[test]
    fn the_callers_ring_from_the_address_that_the_gateway_knows_as_its_trunk() {
        let config = gateway_config(&stage());
        assert!(line(&stage().callers(20)).contains(CARRIER_ADDRESS));
        assert!(config.contains(&format!("sources = [\"{CARRIER_ADDRESS}\"]")));
    }

    #[test]
    fn nothing_is_left_to_fill_in_and_everything_stays_on_loopback() {
        let config = gateway_config(&stage());
        for placeholder in ["{folder}", "{database}", "{sip_port}", "{desk_port}", "{carrier}", "{dialled}"] {
            assert!(!config.contains(placeholder), "{placeholder} is left: {config}");
        }
        assert!(!config.contains("0.0.0.0"), "{config}");
    }

    #[test]
    fn the_driver_knows_operators_from_the_supervisor() {
        let driver = stage().driver(Path::new("/w/shift.py"), [("anna", 7), ("olga", 9)].into_iter(), 5);
        assert_eq!(
            line(&driver),
            "/usr/bin/python3 -B /w/shift.py --pictures /t/pictures --every 5 --operator 7 --supervisor 9"
        );
    }

    #[test]
    fn the_display_tells_its_variables() {
        let printed = "DISPLAY=:7\nDBUS_SESSION_BUS_ADDRESS=unix:path=/tmp/x\nready\n";
        assert_eq!(
            display_variables(printed),
            [
                ("DISPLAY".to_owned(), ":7".to_owned()),
                ("DBUS_SESSION_BUS_ADDRESS".to_owned(), "unix:path=/tmp/x".to_owned())
            ]
        );
    }
}
