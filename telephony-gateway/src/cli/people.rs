//! `user` and `phone`: who may sign in, and which SIP phones may register.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use md5::Md5;
use sha2::{Digest as _, Sha256};
use shared::domain::agent::Role;
use shared::pii::Secret;
use shared::store::{NewUser, PhoneRow, Store};
use shared::time::Clock;

use super::Place;
use crate::net::auth::password;

const DEFAULT_REALM: &str = "pult";

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Add somebody; the password is asked for, read from a file, or made and shown once
    Add {
        login: String,
        /// The name that colleagues see
        #[arg(long)]
        name: Option<String>,
        #[arg(long, value_enum, default_value = "operator")]
        role: RoleName,
        /// The number of the SIP phone on their table
        #[arg(long, value_name = "NUMBER")]
        phone: Option<String>,
        #[command(flatten)]
        password: PasswordFrom,
    },
    /// Give somebody a new password
    Passwd {
        login: String,
        #[command(flatten)]
        password: PasswordFrom,
    },
    /// Show everybody
    List,
    /// Let somebody in no more; who is signed in is signed out within seconds
    Disable {
        login: String,
        /// Let them in again
        #[arg(long)]
        undo: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum PhoneCommand {
    /// Let a SIP phone register; without --password-file its password is made and shown once
    ///
    /// An existing number gets a new password. The gateway learns of it within seconds.
    Add {
        number: String,
        /// A file whose first line is the password
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// The phone understands no SHA-256
        #[arg(long)]
        md5_only: bool,
        /// Put it on the table of this person
        #[arg(long, value_name = "LOGIN")]
        user: Option<String>,
    },
    /// Show every phone
    List,
    /// Let a phone register no more
    Remove { number: String },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum RoleName {
    Operator,
    Supervisor,
    Administrator,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Operator => Self::Operator,
            RoleName::Supervisor => Self::Supervisor,
            RoleName::Administrator => Self::Administrator,
        }
    }
}

#[derive(Debug, Args)]
#[group(multiple = false)]
pub(super) struct PasswordFrom {
    /// A file whose first line is the password
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Make a password and show it once
    #[arg(long)]
    generate: bool,
}

/// A password, and whether it still has to be shown to somebody.
struct Chosen {
    password: Secret,
    show: bool,
}

impl PasswordFrom {
    fn choose(&self) -> anyhow::Result<Chosen> {
        if let Some(file) = &self.password_file {
            return Ok(Chosen { password: first_line(file)?, show: false });
        }
        if self.generate {
            return made_up();
        }
        if !std::io::stdin().is_terminal() {
            anyhow::bail!("there is no terminal to ask for a password: use --password-file FILE or --generate");
        }
        let ask = |words: &str| rpassword::prompt_password(words).context("the password cannot be asked for");
        let (once, again) = (Secret::new(ask("Password: ")?), Secret::new(ask("Once more: ")?));
        anyhow::ensure!(once == again, "the two passwords differ");
        Ok(Chosen { password: once, show: false })
    }
}

impl UserCommand {
    pub async fn run(self, place: &Place) -> anyhow::Result<()> {
        let store = place.store().await?;
        let outcome = self.run_in(&store).await;
        store.close().await;
        outcome
    }

    async fn run_in(self, store: &Store) -> anyhow::Result<()> {
        match self {
            Self::Add { login, name, role, phone, password } => {
                check_login(&login)?;
                let chosen = password.choose()?;
                let password_hash = password::hash_new(&chosen.password)?;
                let name = name.unwrap_or_else(|| login.clone());
                let user = NewUser { login: login.clone(), name, role: role.into(), phone, password_hash };
                store.add_user(user, Clock::utc()).await.with_context(|| format!("`{login}` was not added"))?;
                println!("{login} may sign in");
                show(&chosen);
                Ok(())
            }
            Self::Passwd { login, password } => {
                let user = store.user_by_login(&login).await?.with_context(|| format!("nobody is called `{login}`"))?;
                let chosen = password.choose()?;
                let hash = password::hash_new(&chosen.password)?;
                store.set_password_hash(user.profile.id, &hash).await?;
                println!("{login} has a new password");
                show(&chosen);
                Ok(())
            }
            Self::List => {
                println!("{:<20} {:<14} {:<8} {:<9} name", "login", "role", "phone", "");
                for user in store.users().await? {
                    let role = format!("{:?}", user.profile.role).to_lowercase();
                    let phone = user.profile.phone.as_deref().unwrap_or("-");
                    let state = if user.disabled { "disabled" } else { "" };
                    println!("{:<20} {role:<14} {phone:<8} {state:<9} {}", user.profile.login, user.profile.name);
                }
                Ok(())
            }
            Self::Disable { login, undo } => {
                store.set_user_disabled(&login, !undo).await.with_context(|| format!("`{login}` was not changed"))?;
                println!("{login} may {}sign in", if undo { "" } else { "not " });
                Ok(())
            }
        }
    }
}

impl PhoneCommand {
    pub async fn run(self, place: &Place) -> anyhow::Result<()> {
        let realm = match &place.config {
            Some(_) => place.config()?.sip.realm,
            None => DEFAULT_REALM.to_owned(),
        };
        let store = place.store().await?;
        let outcome = self.run_in(&store, &realm).await;
        store.close().await;
        outcome
    }

    async fn run_in(self, store: &Store, realm: &str) -> anyhow::Result<()> {
        match self {
            Self::Add { number, password_file, md5_only, user } => {
                check_number(&number)?;
                let agent = match &user {
                    Some(login) => {
                        let row = store.user_by_login(login).await?;
                        Some(row.with_context(|| format!("nobody is called `{login}`"))?.profile.id)
                    }
                    None => None,
                };
                let chosen = match &password_file {
                    Some(file) => Chosen { password: first_line(file)?, show: false },
                    None => made_up()?,
                };
                let phone = phone_row(&number, realm, &chosen.password, md5_only);
                store
                    .add_phone(&PhoneRow { agent, ..phone })
                    .await
                    .with_context(|| format!("`{number}` was not added"))?;
                if let Some(login) = &user {
                    store.set_user_phone(login, Some(&number)).await?;
                }
                println!("phone {number} may register in realm {realm}");
                show(&chosen);
                Ok(())
            }
            Self::List => {
                println!("{:<12} digest", "number");
                for phone in store.phones().await? {
                    println!("{:<12} {}", phone.number, if phone.md5_only { "MD5 only" } else { "SHA-256, MD5" });
                }
                Ok(())
            }
            Self::Remove { number } => {
                store.remove_phone(&number).await.with_context(|| format!("`{number}` was not removed"))?;
                println!("phone {number} may not register any more");
                Ok(())
            }
        }
    }
}

/// Only the digests of user, realm and password are kept (RFC 7616 §3.4.2).
fn phone_row(number: &str, realm: &str, password: &Secret, md5_only: bool) -> PhoneRow {
    let first_half = format!("{number}:{realm}:{}", password.expose());
    PhoneRow {
        number: number.to_owned(),
        ha1_md5: Md5::digest(&first_half).into(),
        ha1_sha256: Sha256::digest(&first_half).into(),
        md5_only,
        agent: None,
    }
}

fn check_login(login: &str) -> anyhow::Result<()> {
    let fits = !login.is_empty()
        && login.chars().count() <= 64
        && login.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '@'));
    anyhow::ensure!(fits, "`{login}` is no login: use letters, digits, and . - _ @");
    Ok(())
}

fn check_number(number: &str) -> anyhow::Result<()> {
    let fits =
        (1..=32).contains(&number.len()) && number.chars().all(|c| c.is_ascii_alphanumeric() || "+-_.".contains(c));
    anyhow::ensure!(fits, "`{number}` is no phone's number: use digits or Latin letters");
    Ok(())
}

fn first_line(file: &Path) -> anyhow::Result<Secret> {
    let text = Secret::new(
        std::fs::read_to_string(file).with_context(|| format!("cannot read the password from `{}`", file.display()))?,
    );
    let line = text.expose().lines().next().unwrap_or_default();
    anyhow::ensure!(!line.is_empty(), "the first line of `{}` is empty", file.display());
    Ok(Secret::new(line))
}

fn made_up() -> anyhow::Result<Chosen> {
    Ok(Chosen { password: password::generate().context("cannot make a password")?, show: true })
}

fn show(chosen: &Chosen) {
    if chosen.show {
        println!("password: {}", chosen.password.expose());
        println!("It is shown this once and kept nowhere.");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_s_password_is_kept_as_its_two_digests() {
        let row = phone_row("101", "pult", &Secret::new("secret"), true);
        assert_eq!(hex::encode(row.ha1_md5), hex::encode(Md5::digest("101:pult:secret")));
        // The example of RFC 2617 §3.5.
        let mufasa = phone_row("Mufasa", "testrealm@host.com", &Secret::new("Circle Of Life"), false);
        assert_eq!(hex::encode(mufasa.ha1_md5), "939e7578ed9e3c518a452acee763bce9");
        assert!(row.md5_only && !mufasa.md5_only);
    }

    #[tokio::test]
    async fn somebody_is_added_gets_a_new_password_and_is_let_in_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let store =
            super::super::open_store(&format!("sqlite://{}", folder.path().join("p.db").display()), 0).await.unwrap();
        store.migrate().await.unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, "тихий вечер\nsecond line\n").unwrap();
        let from_file = || PasswordFrom { password_file: Some(file.clone()), generate: false };
        let add = |login: &str| UserCommand::Add {
            login: login.to_owned(),
            name: Some("Анна".to_owned()),
            role: RoleName::Supervisor,
            phone: None,
            password: from_file(),
        };
        add("anna").run_in(&store).await.unwrap();
        assert!(add("anna").run_in(&store).await.is_err(), "the login is taken");
        assert!(add("an na").run_in(&store).await.is_err(), "a login has no space");
        let before = store.user_by_login("anna").await.unwrap().unwrap();
        assert_eq!(before.profile.role, Role::Supervisor);
        UserCommand::Passwd { login: "anna".into(), password: from_file() }.run_in(&store).await.unwrap();
        let after = store.user_by_login("anna").await.unwrap().unwrap();
        assert_ne!(before.password_hash, after.password_hash, "a new salt");
        UserCommand::Disable { login: "anna".into(), undo: false }.run_in(&store).await.unwrap();
        assert!(store.user_by_login("anna").await.unwrap().unwrap().disabled);
        PhoneCommand::Add {
            number: "101".into(),
            password_file: Some(file.clone()),
            md5_only: false,
            user: Some("anna".into()),
        }
        .run_in(&store, "pult")
        .await
        .unwrap();
        assert_eq!(store.user_by_login("anna").await.unwrap().unwrap().profile.phone.as_deref(), Some("101"));
        PhoneCommand::Remove { number: "101".into() }.run_in(&store, "pult").await.unwrap();
        assert!(store.phones().await.unwrap().is_empty());
        store.close().await;
    }
}
