//! Many rows at once, in the order of [`crate::store::generate`]'s tables.

use crate::store::generate::N_TABLES;

pub const COPIES: [&str; N_TABLES] =
    [CUSTOMER, CUSTOMER_WORD, CONTACT_POINT, ACCOUNT, METER, READING, PAYMENT, INVOICE, REQUEST, INTERACTION];

const CUSTOMER: &str = "
copy customer (
    id, kind, name, name_key, address, email, since_year, flags, debt, updated_at)
from stdin";

const CUSTOMER_WORD: &str = "
copy customer_word (
    word, customer_id)
from stdin";

const CONTACT_POINT: &str = "
copy contact_point (
    e164, customer_id, kind)
from stdin";

const ACCOUNT: &str = "
copy account (
    id, customer_id, number, address, status, debt, months_overdue)
from stdin";

const METER: &str = "
copy meter (
    id, account_id, serial, zones, digits, phases, max_ampere, ratio, verified_until)
from stdin";

const READING: &str = "
copy reading (
    account_id, taken_on, source, t1, t2, t3, consumed)
from stdin";

const PAYMENT: &str = "
copy payment (
    id, account_id, paid_at, amount, channel, status)
from stdin";

const INVOICE: &str = "
copy invoice (
    id, account_id, number, issued_on, amount, corrects, ground, status)
from stdin";

const REQUEST: &str = "
copy request (
    id, customer_id, account_id, form, status, opened_at, due_at, fields, comment)
from stdin";

const INTERACTION: &str = "
copy interaction (
    id, customer_id, account_id, started_at, duration_s, channel, direction, agent_name, topic, result,
    summary, search_key)
from stdin";
