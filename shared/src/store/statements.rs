//! The names of every SQL statement. Each backend fills this table with its own dialect, so a statement that one of
//! them lacks does not compile, and a test prepares each of them on its database.

macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// One backend's SQL, by name.
        pub struct Statements { $($(#[$doc])* pub $name: &'static str),+ }

        impl Statements {
            /// Every statement with its name.
            pub fn all(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($name), self.$name)),+]
            }
        }
    };
}

statements! {
    // customers
    /// `$1`, `$2` bounds of the account number, `$3`, `$4` bounds of the phone, `$5` limit → array of lines.
    search_by_digits,
    /// `$1`, `$2` bounds of the rarest word, `$3` array of all words, `$4` limit → array of lines.
    search_by_words,
    insert_customer,
    insert_words,
    /// `$1` customer, `$2` now.
    touch_customer,
    /// `$1` customer, `$2` E.164 digits, `$3` kind.
    link_phone,
    // cards
    /// `$1` E.164 digits, `$2` how many lines of history → a row a customer: id, name, and the card of the only one
    /// or each one's line.
    look_up,
    /// → E.164 digits that somebody has.
    any_phone,
    /// `$1` customer, `$2` how many lines of history → id, name, card.
    card,
    // interactions
    /// `$1` customer, `$2`, `$3` cursor, `$4` channel, `$5`, `$6` words as typed and with the layout repaired,
    /// `$7` limit → `{lines, total}`.
    history,
    /// `$1` id, `$2` the start that stays.
    drop_moved_interaction,
    upsert_interaction,
    // saves
    /// `$1` key, `$2` hash, `$3` result, `$4` now.
    claim_key,
    /// `$1` key → `{body_hash, result_id}`.
    read_key,
    /// `$1` account, `$2` day → what is known of the meter around that day.
    reading_context,
    /// `$1` account: nobody else saves a reading of it until the transaction ends.
    lock_meter,
    upsert_reading,
    /// `$1` account, `$2` day, `$3` where the register starts again, `$4` ratio: that day's reading and the one after
    /// it get what went through since the reading before.
    count_consumption_again,
    insert_request,
    // calls
    insert_ledger,
    insert_calls,
    insert_talks,
    /// `$1` call, `$2` microseconds.
    set_pop_time,
    insert_missed,
    /// `$1` limit → array, newest first.
    missed_calls,
    /// `$1` id, `$2` agent, `$3` now.
    mark_missed,
    // users
    /// → array of users.
    users,
    /// `$1` login → user.
    user_by_login,
    insert_user,
    /// `$1` agent, `$2` hash.
    set_password_hash,
    /// `$1` login, `$2` 0 or 1.
    set_user_disabled,
    /// `$1` login, `$2` number.
    set_user_phone,
    /// → array of phones.
    phones,
    upsert_phone,
    /// `$1` number.
    delete_phone,
    // audit
    insert_audit,
    /// Only what comes from a line of the ledger that is not there yet.
    insert_ledger_audit,
    // the schema itself
    /// → 1 when there is a customer.
    any_customer,
    /// → the version that is there.
    schema_version,
    /// → how many tables there are.
    n_tables,
    /// → the server's major version.
    server_version,
}
