use super::*;

fn body(n: u64) -> String {
    format!("{{\"n\":{n},\"text\":\"звонок\"}}")
}

fn bodies(range: std::ops::RangeInclusive<u64>) -> Vec<String> {
    range.map(body).collect()
}

fn open(folder: &Path, epoch: u64) -> LedgerFile {
    LedgerFile::open(folder, epoch, Bounds::default()).unwrap()
}

/// `(epoch, seq, n)` of everything after a position.
fn read(folder: &Path, after: Position) -> Vec<(u64, u64, u64)> {
    #[derive(serde::Deserialize)]
    struct Body {
        n: u64,
    }
    let records = read_after(folder, after, usize::MAX).unwrap();
    records
        .iter()
        .map(|record| {
            let body: Body = serde_json::from_str(record.body.get()).unwrap();
            (record.at.epoch, record.at.seq, body.n)
        })
        .collect()
}

fn last_segment(folder: &Path) -> PathBuf {
    segments(folder).unwrap().pop().unwrap().1
}

#[test]
fn what_happened_is_read_back_after_a_restart_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(folder.path(), 1);
    assert_eq!(ledger.append(&bodies(1..=2)).unwrap(), Position { epoch: 1, seq: 2 });
    ledger.append(&bodies(3..=3)).unwrap();
    drop(ledger);
    open(folder.path(), 2).append(&bodies(4..=4)).unwrap();
    assert_eq!(read(folder.path(), Position::default()), [(1, 1, 1), (1, 2, 2), (1, 3, 3), (2, 1, 4)]);
    assert_eq!(read(folder.path(), Position { epoch: 1, seq: 2 }), [(1, 3, 3), (2, 1, 4)]);
    assert_eq!(read(folder.path(), Position { epoch: 2, seq: 1 }), []);
    assert_eq!(read_after(folder.path(), Position::default(), 2).unwrap().len(), 2);
}

#[test]
fn a_line_that_a_crash_has_torn_is_cut_off_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path(), 1).append(&bodies(1..=3)).unwrap();
    let segment = last_segment(folder.path());
    let whole = fs::read(&segment).unwrap();
    let second_ends = whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(1).unwrap().0 + 1;
    for torn_at in second_ends..whole.len() {
        fs::write(&segment, &whole[..torn_at]).unwrap();
        assert_eq!(read(folder.path(), Position::default()), [(1, 1, 1), (1, 2, 2)], "torn at {torn_at}");
        cut_torn_end(&segment).unwrap();
        assert_eq!(fs::read(&segment).unwrap(), whole[..second_ends], "torn at {torn_at}");
    }
}

#[test]
fn a_power_cut_that_left_zeroes_in_the_last_lines_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path(), 1).append(&bodies(1..=3)).unwrap();
    let segment = last_segment(folder.path());
    let mut bytes = fs::read(&segment).unwrap();
    let length = bytes.len();
    bytes[length - 20..length - 5].fill(0);
    fs::write(&segment, &bytes).unwrap();
    drop(open(folder.path(), 2));
    assert_eq!(read(folder.path(), Position::default()), [(1, 1, 1), (1, 2, 2)]);
}

#[test]
fn a_line_that_was_changed_in_the_middle_is_named_and_not_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path(), 1).append(&bodies(1..=3)).unwrap();
    let segment = last_segment(folder.path());
    let text = fs::read_to_string(&segment).unwrap().replace("\"n\":2", "\"n\":7");
    fs::write(&segment, text).unwrap();
    let error = read_after(folder.path(), Position::default(), 10).unwrap_err();
    assert!(matches!(error, LedgerError::Damaged { line: 2, .. }), "{error}");
}

#[test]
fn a_long_day_goes_on_in_the_next_file() {
    let folder = tempfile::tempdir().unwrap();
    let bounds = Bounds { segment_bytes: 200, ..Bounds::default() };
    let mut ledger = LedgerFile::open(folder.path(), 1, bounds).unwrap();
    for n in 1..=20 {
        ledger.append(&[body(n)]).unwrap();
    }
    assert!(segments(folder.path()).unwrap().len() > 3);
    let all = read(folder.path(), Position { epoch: 1, seq: 4 });
    assert_eq!(all, (5..=20).map(|n| (1, n, n)).collect::<Vec<_>>());
}

#[test]
fn a_full_disk_keeps_what_happens_in_memory_until_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(folder.path(), 1);
    ledger.append(&[body(1)]).unwrap();
    let real = Arc::clone(&ledger.segment.file);
    // Every write to this device fails as one to a full disk does.
    ledger.segment.file = Arc::new(OpenOptions::new().write(true).open("/dev/full").unwrap());
    let error = ledger.append(&bodies(2..=3)).unwrap_err();
    assert!(
        matches!(&error, AppendError::Waiting { source, .. } if source.kind() == io::ErrorKind::StorageFull),
        "{error}"
    );
    assert!(ledger.is_stuck() && !ledger.retry());
    ledger.segment.file = real;
    assert_eq!(ledger.append(&[body(4)]).unwrap(), Position { epoch: 1, seq: 4 });
    assert!(!ledger.is_stuck());
    assert_eq!(read(folder.path(), Position::default()), [(1, 1, 1), (1, 2, 2), (1, 3, 3), (1, 4, 4)]);
}

#[test]
fn a_disk_that_stays_full_costs_no_more_memory_than_allowed_and_says_what_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let bounds = Bounds { waiting_bytes: 300, ..Bounds::default() };
    let mut ledger = LedgerFile::open(folder.path(), 1, bounds).unwrap();
    let real = Arc::clone(&ledger.segment.file);
    ledger.segment.file = Arc::new(OpenOptions::new().write(true).open("/dev/full").unwrap());
    let outcomes: Vec<_> = (1..=20).map(|n| ledger.append(&[body(n)]).unwrap_err()).collect();
    let kept = outcomes.iter().filter(|error| matches!(error, AppendError::Waiting { .. })).count();
    assert!((1..20).contains(&kept));
    assert!(matches!(outcomes.last(), Some(AppendError::Lost { lost: 1, .. })));
    assert!(ledger.waiting.len() <= 300);
    ledger.segment.file = real;
    assert!(ledger.retry());
    assert_eq!(read(folder.path(), Position::default()).len(), kept);
    // The gap in the numbers shows that something is missing.
    ledger.append(&[body(21)]).unwrap();
    assert_eq!(read(folder.path(), Position::default()).last(), Some(&(1, 21, 21)));
}

#[test]
fn only_what_the_database_has_is_deleted_and_only_when_it_is_old() {
    let folder = tempfile::tempdir().unwrap();
    let bounds = Bounds { segment_bytes: 100, keep: Duration::from_secs(60), ..Bounds::default() };
    let mut ledger = LedgerFile::open(folder.path(), 1, bounds).unwrap();
    for n in 1..=9 {
        ledger.append(&[body(n)]).unwrap();
    }
    let later = SystemTime::now() + Duration::from_secs(61);
    assert_eq!(ledger.drop_copied(later).unwrap(), 0, "nothing was copied yet");
    write_cursor(folder.path(), Position { epoch: 1, seq: 5 }).unwrap();
    assert_eq!(read_cursor(folder.path()).unwrap(), Some(Position { epoch: 1, seq: 5 }));
    assert_eq!(ledger.drop_copied(SystemTime::now()).unwrap(), 0, "nothing is old yet");
    assert!(ledger.drop_copied(later).unwrap() > 0);
    let left = read(folder.path(), Position { epoch: 1, seq: 5 });
    assert_eq!(left, (6..=9).map(|n| (1, n, n)).collect::<Vec<_>>());
}

#[test]
fn a_clock_set_back_does_not_repeat_an_epoch() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(next_epoch(&folder.path().join("none"), UtcMs(7)).unwrap(), 7);
    drop(open(folder.path(), 500));
    assert_eq!(next_epoch(folder.path(), UtcMs(400)).unwrap(), 501);
    assert_eq!(next_epoch(folder.path(), UtcMs(900)).unwrap(), 900);
}

#[test]
fn an_epoch_that_was_there_before_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path(), 5));
    assert!(matches!(
        LedgerFile::open(folder.path(), 5, Bounds::default()),
        Err(LedgerError::OldEpoch { last: 5, .. })
    ));
}

proptest::proptest! {
    #[test]
    fn no_text_in_a_record_breaks_its_line(texts in proptest::collection::vec(".*", 1..5), spaced in proptest::bool::ANY) {
        let mut out = Vec::new();
        let bodies: Vec<String> = texts.iter().map(|text| {
            let body = serde_json::json!({ "text": text });
            if spaced { serde_json::to_string_pretty(&body).unwrap() } else { body.to_string() }
        }).collect();
        for (body, seq) in bodies.iter().zip(1..) {
            format::write_line(&mut out, seq, body.as_bytes());
        }
        let read: Vec<_> = format::whole_lines(&out).map(|line| format::read_line(line).unwrap()).collect();
        proptest::prop_assert_eq!(read.len(), texts.len());
        for ((_, body), text) in read.iter().zip(&texts) {
            let value: serde_json::Value = serde_json::from_str(body.get()).unwrap();
            proptest::prop_assert_eq!(value["text"].as_str(), Some(text.as_str()));
        }
    }
}
