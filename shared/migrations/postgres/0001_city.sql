-- Ids are made by the program: positive, time-ordered, the same in both databases. Money is kopecks. Enums are their
-- wire codes. A `*_key` column is folded by the program, the same way for both databases. Text that is searched by its
-- beginning is compared byte by byte (collate "C"), so that a range of it is a range of the index.

create table customer (
    id bigint primary key,
    kind text not null,
    name text not null,
    name_key text collate "C" not null,
    address text not null,
    email text,
    since_year smallint,
    flags integer not null default 0,
    debt bigint not null default 0,
    updated_at timestamptz not null,
    rev integer not null default 1
);

-- Each word of a folded name, for a search in any order.
create table customer_word (
    word text collate "C" not null,
    customer_id bigint not null references customer,
    primary key (word, customer_id)
);

create table contact_point (
    e164 bigint not null,
    customer_id bigint not null references customer,
    kind text not null,
    primary key (e164, customer_id)
);
create index contact_point_customer on contact_point (customer_id);

create table account (
    id bigint primary key,
    customer_id bigint not null references customer,
    number text collate "C" not null unique,
    address text not null,
    status text not null,
    debt bigint not null default 0,
    months_overdue smallint not null default 0
);
create index account_customer on account (customer_id, id);

create table meter (
    id bigint primary key,
    account_id bigint not null unique references account,
    serial text not null,
    zones smallint not null,
    digits smallint not null,
    phases smallint not null,
    max_ampere smallint not null,
    ratio smallint not null,
    verified_until date
);

-- The three tables below name their account without a foreign key: checking it row by row takes most of an import's
-- time, and accounts are never deleted.

-- One reading an account and day; a later one of the same day replaces it.
create table reading (
    account_id bigint not null,
    taken_on date not null,
    source text not null,
    t1 bigint not null,
    t2 bigint,
    t3 bigint,
    consumed bigint not null,
    agent_id bigint,
    call_id bigint,
    primary key (account_id, taken_on)
);

create table payment (
    id bigint not null,
    account_id bigint not null,
    paid_at timestamptz not null,
    amount bigint not null,
    channel text not null,
    status text not null,
    primary key (account_id, paid_at, id)
);

create table invoice (
    id bigint not null,
    account_id bigint not null,
    number text collate "C" not null,
    issued_on date not null,
    amount bigint not null,
    corrects bigint,
    ground text not null,
    status text not null,
    primary key (account_id, issued_on, id)
);
create index invoice_corrective on invoice (account_id, issued_on) where corrects is not null;

create table request (
    id bigint primary key,
    customer_id bigint not null references customer,
    account_id bigint references account,
    call_id bigint,
    form text not null,
    status text not null,
    opened_at timestamptz not null,
    due_at timestamptz,
    opened_by bigint,
    fields json not null,
    comment text not null,
    rev integer not null default 1
);
create index request_customer on request (customer_id, due_at);

-- What is left of every contact. The interaction of a call carries the call's id, so a call has one at most.
create table interaction (
    id bigint not null,
    customer_id bigint references customer,
    account_id bigint references account,
    call_id bigint,
    started_at timestamptz not null,
    duration_s integer not null,
    channel text not null,
    direction text not null,
    agent_id bigint,
    agent_name text not null,
    topic text,
    result text,
    summary text not null,
    search_key text not null,
    primary key (id, started_at)
) partition by range (started_at);
-- A year each: months cost the pop two to three times as much and gain nothing. There is no default partition, because
-- with one PostgreSQL would have to merge the years instead of walking them from the newest on.
create table interaction_before_2025 partition of interaction for values from (minvalue) to ('2025-01-01Z');
create table interaction_2025 partition of interaction for values from ('2025-01-01Z') to ('2026-01-01Z');
create table interaction_2026 partition of interaction for values from ('2026-01-01Z') to ('2027-01-01Z');
create table interaction_2027 partition of interaction for values from ('2027-01-01Z') to ('2028-01-01Z');
create table interaction_2028 partition of interaction for values from ('2028-01-01Z') to ('2029-01-01Z');
create table interaction_from_2029 partition of interaction for values from ('2029-01-01Z') to (maxvalue);
create index interaction_customer on interaction (customer_id, started_at desc, id desc);

create table call (
    id bigint primary key,
    queue text not null,
    trunk text not null,
    dialled text not null,
    caller json not null,
    customer_id bigint,
    agent_id bigint,
    arrived_at timestamptz not null,
    offered_at timestamptz,
    answered_at timestamptz,
    ended_at timestamptz not null,
    ending text not null,
    invite_to_pop_us bigint
);
create index call_arrived on call (arrived_at);

create table missed_call (
    id bigint primary key,
    call_id bigint not null,
    queue text not null,
    caller json not null,
    customer_id bigint,
    lost_at timestamptz not null,
    waited_s integer not null,
    ending text not null,
    handled_by bigint,
    handled_at timestamptz
);
create index missed_call_lost on missed_call (lost_at);

create table ledger (
    node smallint not null,
    epoch bigint not null,
    seq bigint not null,
    at timestamptz not null,
    kind text not null,
    call_id bigint,
    agent_id bigint,
    body json not null,
    primary key (node, epoch, seq)
);
create index ledger_at on ledger (at);

create table agent (
    id bigint primary key,
    login text not null unique,
    name text not null,
    role text not null,
    phone text,
    password_hash text not null,
    disabled boolean not null default false
);

create table sip_phone (
    number text collate "C" primary key,
    ha1_md5 text not null,
    ha1_sha256 text not null,
    md5_only boolean not null,
    agent_id bigint references agent
);

create table audit (
    id bigint generated always as identity primary key,
    at timestamptz not null,
    agent_id bigint not null,
    what text not null,
    customer_id bigint,
    call_id bigint
);
create index audit_customer on audit (customer_id, at);

-- What was saved under which key: the same key with the same content gives the same answer, with another an error.
create table saved_once (
    key uuid primary key,
    body_hash text not null,
    result_id bigint not null,
    at timestamptz not null
);
