use super::*;

#[test]
fn the_command_line_is_put_together_rightly() {
    Cli::command().debug_assert();
}

#[test]
fn an_error_and_its_causes_become_one_sentence() {
    let error = anyhow::anyhow!("the disk is full").context("cannot write `x`").context("no backup");
    assert_eq!(in_one_sentence(&error), "no backup: cannot write `x`: the disk is full");
}

#[test]
fn the_database_moves_with_the_state_unless_it_was_named() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/gateway.toml");
    let place = |database: Option<&str>| Place {
        config: Some(shipped.clone()),
        database: database.map(str::to_owned),
        state_dir: Some(PathBuf::from("/tmp/elsewhere")),
        log: LogStyle::Auto,
    };
    assert_eq!(place(None).config().unwrap().database_url, "sqlite:///tmp/elsewhere/pult.db");
    assert_eq!(place(Some("postgres://db/pult")).config().unwrap().database_url, "postgres://db/pult");
}

#[test]
fn a_wrong_configuration_has_an_exit_code_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.toml");
    std::fs::write(&file, "nonsense").unwrap();
    let error = load(&file).unwrap_err();
    assert!(error.is::<WrongConfig>(), "{error}");
}
