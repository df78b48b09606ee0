//! `pg_dump`, `pg_restore` and `psql`, PostgreSQL's own tools: whether they are there, new enough, and what they say.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use anyhow::Context as _;
use clap::Args;
use shared::store::Store;

use crate::config::without_password;

/// Where the tools are.
#[derive(Debug, Default, Args)]
pub(super) struct PostgresTools {
    /// The folder with pg_dump, pg_restore and psql, when those on the PATH are not the ones
    ///
    /// On Debian each version has its own: /usr/lib/postgresql/15/bin
    #[arg(long, value_name = "FOLDER")]
    pub pg_bin: Option<PathBuf>,
}

impl PostgresTools {
    /// Writes the database as it is at this moment into a file.
    pub async fn dump(&self, store: &Store, url: &str, to: &Path) -> anyhow::Result<()> {
        self.ensure_as_new_as_the_server("pg_dump", store).await?;
        let mut dump = self.command("pg_dump");
        dump.args(["--format=custom", "--file"]).arg(to);
        dump.arg("--dbname").arg(without_password(url));
        run(with_password(dump, url), "pg_dump")
    }

    /// Reads a whole dump without touching any database: a torn one is told here, and one that this program or the
    /// tools are too old for.
    pub async fn examine(&self, store: &Store, from: &Path) -> anyhow::Result<()> {
        self.ensure_as_new_as_the_server("pg_restore", store).await?;
        let mut read = self.command("pg_restore");
        read.args(["--file", "/dev/null"]).arg(from);
        run(read, "pg_restore").context("it is torn, or a newer pg_dump has written it")?;
        let (found, needed) = (self.schema_of(from)?, store.schema_needed());
        anyhow::ensure!(found > 0, "it is a backup of another database: it tells no schema of Pult");
        anyhow::ensure!(found <= needed, "it has schema {found}, this program knows {needed}: take a newer program");
        Ok(())
    }

    /// The newest migration that a dump tells of, 0 when it tells of none.
    fn schema_of(&self, from: &Path) -> anyhow::Result<i64> {
        let mut read = self.command("pg_restore");
        read.args(["--data-only", "--table=_sqlx_migrations", "--file=-"]).arg(from);
        let said = output(read, "pg_restore")?;
        // The rows of a COPY: the version is the first column.
        let text = String::from_utf8_lossy(&said.stdout).into_owned();
        let versions = text.lines().filter_map(|line| line.split_once('\t')?.0.parse::<i64>().ok());
        Ok(versions.max().unwrap_or(0))
    }

    /// Puts a dump in the place of what is there, in one transaction.
    ///
    /// `pg_restore --clean` cannot take the keys of partitions away, so the tables are dropped first, and `psql` gets
    /// the rest as `pg_restore` spells it out. The COMMIT is sent when that was the whole dump.
    pub fn restore(&self, url: &str, from: &Path) -> anyhow::Result<()> {
        let mut psql = self.command("psql");
        psql.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null", "--file=-"]);
        psql.arg("--dbname").arg(without_password(url));
        let mut psql = start(with_password(psql, url), "psql", Stdio::piped(), Stdio::null())?;
        let mut spell_out = self.command("pg_restore");
        // Extensions belong to the server's owner: only what is ours is made anew.
        spell_out.args(["--schema=public", "--no-owner", "--file=-"]).arg(from);
        let mut spell_out = start(spell_out, "pg_restore", Stdio::null(), Stdio::piped())?;

        let carried = carry(&mut psql, &mut spell_out);
        // Whoever has stopped early lets the other run into a closed pipe, so both end by themselves.
        let spelled = end(spell_out, "pg_restore");
        let mut commands = psql.stdin.take();
        let whole = carried.is_ok() && spelled.is_ok();
        let committed = match &mut commands {
            Some(commands) if whole => commands.write_all(b"commit;\n"),
            Some(_) | None => Ok(()),
        };
        drop(commands);
        // What psql says of the database comes before what that meant for the pipe.
        end(psql, "psql")?;
        spelled?;
        carried.and(committed).context("cannot hand the dump over to psql")
    }

    /// An older tool does not know what a newer server keeps.
    async fn ensure_as_new_as_the_server(&self, name: &str, store: &Store) -> anyhow::Result<()> {
        let mut ask = self.command(name);
        ask.arg("--version");
        let said = output(ask, name)?;
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        let tool = version_of(&said).with_context(|| format!("{name} says no version: `{}`", said.trim()))?;
        let Some(server) = store.server_version().await? else { return Ok(()) };
        anyhow::ensure!(
            tool >= server,
            "{name} is of PostgreSQL {tool} and the server of {server}: install the tools of {server} (Debian: apt-get \
             install postgresql-client-{server}), or name their folder with --pg-bin"
        );
        Ok(())
    }

    fn command(&self, name: &str) -> Command {
        match &self.pg_bin {
            Some(folder) => Command::new(folder.join(name)),
            None => Command::new(name),
        }
    }
}

/// The password goes by the environment, where other users of the machine do not see it.
fn with_password(mut command: Command, url: &str) -> Command {
    if let Some(password) = password_of(url) {
        command.env("PGPASSWORD", password);
    }
    command
}

/// Begins the transaction, takes away what is there, and passes on what `pg_restore` spells out.
fn carry(psql: &mut Child, spell_out: &mut Child) -> std::io::Result<()> {
    let (Some(commands), Some(dump)) = (&mut psql.stdin, &mut spell_out.stdout.take()) else {
        return Err(std::io::ErrorKind::BrokenPipe.into());
    };
    commands.write_all(TAKE_AWAY.as_bytes())?;
    std::io::copy(dump, commands).map(|_| ())
}

/// Whatever stands on these tables and is not ours, a view for instance, keeps them from going away.
const TAKE_AWAY: &str = "
begin;
set local lock_timeout = '10s';
do $$
declare ours text;
begin
    select string_agg(oid::regclass::text, ', ') into ours
    from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition;
    if ours is not null then
        execute 'drop table ' || ours;
    end if;
end $$;
";

fn start(mut command: Command, name: &str, stdin: Stdio, stdout: Stdio) -> anyhow::Result<Child> {
    command.stdin(stdin).stdout(stdout).stderr(Stdio::piped()).env("LC_MESSAGES", "C");
    command.spawn().with_context(|| how_to_install(&command, name))
}

/// Waits for a tool and passes on what it complains about. Both say a line or two, which the pipe holds.
fn end(tool: Child, name: &str) -> anyhow::Result<()> {
    check(&tool.wait_with_output().with_context(|| format!("cannot wait for {name}"))?, name)
}

fn run(command: Command, name: &str) -> anyhow::Result<()> {
    output(command, name).map(|_| ())
}

/// What a tool says, when it has done what it was asked.
fn output(mut command: Command, name: &str) -> anyhow::Result<Output> {
    let said = command.stdin(Stdio::null()).env("LC_MESSAGES", "C").output();
    let said = said.with_context(|| how_to_install(&command, name))?;
    check(&said, name)?;
    Ok(said)
}

fn check(said: &Output, name: &str) -> anyhow::Result<()> {
    let complaint = String::from_utf8_lossy(&said.stderr).trim().replace('\n', "; ");
    anyhow::ensure!(said.status.success(), "{name} did not succeed ({}): {complaint}", said.status);
    if !complaint.is_empty() {
        eprintln!("{name} says: {complaint}");
    }
    Ok(())
}

fn how_to_install(command: &Command, name: &str) -> String {
    let folder = Path::new(command.get_program()).parent().filter(|folder| *folder != Path::new(""));
    let place = folder.map(|folder| format!(" in `{}`", folder.display())).unwrap_or_default();
    format!("cannot run {name}{place}: install the PostgreSQL client tools (Debian: apt-get install postgresql-client)")
}

/// The major version in `pg_dump (PostgreSQL) 15.8 (Debian …)`.
fn version_of(said: &str) -> Option<i64> {
    let number = said.split(") ").nth(1)?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn password_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let (credentials, _) = rest.rsplit_once('@')?;
    let (_, password) = credentials.split_once(':')?;
    Some(percent_decoded(password))
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = (*first == b'%').then(|| tail.get(..2)).flatten().and_then(|pair| hex::decode(pair).ok());
        match escaped {
            Some(byte) => {
                bytes.extend(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_an_address_reaches_the_tool_as_it_was_meant() {
        assert_eq!(password_of("postgres://pult:p%40ss%2Fword@db/pult").as_deref(), Some("p@ss/word"));
        assert_eq!(password_of("postgres://pult@db/pult"), None);
        assert_eq!(percent_decoded("100%"), "100%");
    }

    #[test]
    fn a_tool_tells_which_postgresql_it_is_of() {
        assert_eq!(version_of("pg_dump (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)\n"), Some(15));
        assert_eq!(version_of("pg_restore (PostgreSQL) 17beta1\n"), Some(17));
        assert_eq!(version_of("busybox"), None);
    }
}
