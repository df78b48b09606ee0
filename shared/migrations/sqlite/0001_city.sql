-- Ids are made by the program: positive, time-ordered, the same in both databases. Money is kopecks. Moments are unix
-- milliseconds, days are ISO text. Enums are their wire codes. A `*_key` column is folded by the program, because
-- SQLite's lower() folds ASCII only.

create table customer (
    id integer primary key,
    kind text not null,
    name text not null,
    name_key text not null,
    address text not null,
    email text,
    since_year integer,
    flags integer not null default 0,
    debt integer not null default 0,
    updated_at integer not null,
    rev integer not null default 1
) strict;

-- Each word of a folded name, for a search in any order.
create table customer_word (
    word text not null,
    customer_id integer not null references customer,
    primary key (word, customer_id)
) strict, without rowid;

create table contact_point (
    e164 integer not null,
    customer_id integer not null references customer,
    kind text not null,
    primary key (e164, customer_id)
) strict, without rowid;
create index contact_point_customer on contact_point (customer_id);

create table account (
    id integer primary key,
    customer_id integer not null references customer,
    number text not null unique,
    address text not null,
    status text not null,
    debt integer not null default 0,
    months_overdue integer not null default 0
) strict;
create index account_customer on account (customer_id, id);

create table meter (
    id integer primary key,
    account_id integer not null unique references account,
    serial text not null,
    zones integer not null,
    digits integer not null,
    phases integer not null,
    max_ampere integer not null,
    ratio integer not null,
    verified_until text
) strict;

-- One reading an account and day; a later one of the same day replaces it.
create table reading (
    account_id integer not null references account,
    taken_on text not null,
    source text not null,
    t1 integer not null,
    t2 integer,
    t3 integer,
    consumed integer not null,
    agent_id integer,
    call_id integer,
    primary key (account_id, taken_on)
) strict, without rowid;

create table payment (
    id integer not null,
    account_id integer not null references account,
    paid_at integer not null,
    amount integer not null,
    channel text not null,
    status text not null,
    primary key (account_id, paid_at, id)
) strict, without rowid;

create table invoice (
    id integer not null,
    account_id integer not null references account,
    number text not null,
    issued_on text not null,
    amount integer not null,
    corrects integer,
    ground text not null,
    status text not null,
    primary key (account_id, issued_on, id)
) strict, without rowid;
create index invoice_corrective on invoice (account_id, issued_on) where corrects is not null;

create table request (
    id integer primary key,
    customer_id integer not null references customer,
    account_id integer references account,
    call_id integer,
    form text not null,
    status text not null,
    opened_at integer not null,
    due_at integer,
    opened_by integer,
    fields text not null,
    comment text not null,
    rev integer not null default 1
) strict;
create index request_customer on request (customer_id, due_at);

-- What is left of every contact. The interaction of a call carries the call's id, so a call has one at most.
create table interaction (
    id integer primary key,
    customer_id integer references customer,
    account_id integer references account,
    call_id integer,
    started_at integer not null,
    duration_s integer not null,
    channel text not null,
    direction text not null,
    agent_id integer,
    agent_name text not null,
    topic text,
    result text,
    summary text not null,
    search_key text not null
) strict;
create index interaction_customer on interaction (customer_id, started_at desc, id desc);

create table call (
    id integer primary key,
    queue text not null,
    trunk text not null,
    dialled text not null,
    caller text not null,
    customer_id integer,
    agent_id integer,
    arrived_at integer not null,
    offered_at integer,
    answered_at integer,
    ended_at integer not null,
    ending text not null,
    invite_to_pop_us integer
) strict;
create index call_arrived on call (arrived_at);

create table missed_call (
    id integer primary key,
    call_id integer not null,
    queue text not null,
    caller text not null,
    customer_id integer,
    lost_at integer not null,
    waited_s integer not null,
    ending text not null,
    handled_by integer,
    handled_at integer
) strict;
create index missed_call_lost on missed_call (lost_at);

create table ledger (
    node integer not null,
    epoch integer not null,
    seq integer not null,
    at integer not null,
    kind text not null,
    call_id integer,
    agent_id integer,
    body text not null,
    primary key (node, epoch, seq)
) strict, without rowid;
create index ledger_at on ledger (at);

create table agent (
    id integer primary key,
    login text not null unique,
    name text not null,
    role text not null,
    phone text,
    password_hash text not null,
    disabled integer not null default 0
) strict;

create table sip_phone (
    number text primary key,
    ha1_md5 text not null,
    ha1_sha256 text not null,
    md5_only integer not null,
    agent_id integer references agent
) strict, without rowid;

create table audit (
    id integer primary key,
    at integer not null,
    agent_id integer not null,
    what text not null,
    customer_id integer,
    call_id integer
) strict;
create index audit_customer on audit (customer_id, at);

-- What was saved under which key: the same key with the same content gives the same answer, with another an error.
create table saved_once (
    key text primary key,
    body_hash text not null,
    result_id integer not null,
    at integer not null
) strict, without rowid;
