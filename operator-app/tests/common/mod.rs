//! A desk with sample data, drawn without a window.
#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, clippy::field_reassign_with_default, reason = "sample data is as it is written here")]

use std::sync::Arc;
use std::time::Duration;

use chrono::{Days, Months, NaiveDate};
use egui_kittest::Harness;
use operator_app::app::keys;
use operator_app::command::{Action, Command, Requests};
use operator_app::perform::{Ask, Hands, perform};
use operator_app::screens::login::Typed;
use operator_app::settings::{Language, Settings, Theme};
use operator_app::state::Scene;
use operator_app::state::call::{CallView, CardView, Phase, Pop};
use operator_app::state::desk::{Aftermath, Desk};
use operator_app::state::drafts::{Edit, ManualDraft, Origin};
use operator_app::state::event::{LinkEvent, Stamped};
use operator_app::state::reach::{Chosen, Purpose, ReachEdit};
use operator_app::state::screen::{Overlay, Page};
use operator_app::state::session::{Connection, LockKey, Refused, Session, SignInError, SignInStep};
use operator_app::state::tab::{Tab, TabKey};
use shared::domain::account::*;
use shared::domain::agent::{Activity, AgentProfile, Presence, ReasonCode, Role, Work};
use shared::domain::call::*;
use shared::domain::catalogue::Catalogue;
use shared::domain::customer::*;
use shared::domain::interaction::*;
use shared::domain::queue::{QueueCode, QueueInfo};
use shared::domain::request::{Request, RequestStatus};
use shared::ids::*;
use shared::money::Money;
use shared::phone::{CallerNumber, Phone};
use shared::pii::Secret;
use shared::time::{Moment, UtcMs};
use shared::wire::Sealed;
use shared::wire::card::{Card, CardState, MonthConsumption};
use shared::wire::command::{Colleague, CommandError, Done};
use shared::wire::event::*;
use uuid::Uuid;

pub const CALL: CallId = CallId(700);

/// A desk and what it is drawn with.
pub struct Workplace {
    pub desk: Desk,
    pub settings: Settings,
    pub now: Moment,
    pub warm: bool,
    pub typed: Typed,
    /// What the link was asked for.
    pub asked: Vec<Ask>,
    pub n_made: u128,
}

/// 23 November 2026, 14:07 where the test runs, so that pictures are the same everywhere.
pub fn now() -> Moment {
    Moment { mono_us: 3_600_000_000, utc_ms: at(0) }
}

/// So many seconds before (or, negative, after) now.
pub fn at(ago_s: i64) -> UtcMs {
    let noon = today().and_hms_opt(14, 7, 0).unwrap().and_local_timezone(chrono::Local).unwrap();
    UtcMs(noon.timestamp_millis() - ago_s * 1000)
}

pub fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 23).unwrap()
}

fn on(day: NaiveDate, hour: u32) -> UtcMs {
    UtcMs(day.and_hms_opt(hour, 13, 0).unwrap().and_local_timezone(chrono::Local).unwrap().timestamp_millis())
}

pub fn catalogue() -> Catalogue {
    let mut catalogue: Catalogue = toml::from_str::<toml::Table>(include_str!("catalogue.toml"))
        .and_then(|mut table| {
            table.entry("readings").or_insert_with(|| toml::Table::new().into());
            table.try_into()
        })
        .unwrap();
    catalogue.queues = [
        ("billing", "Начисления · физлица", "Billing · households"),
        ("readings", "Показания приборов", "Meter readings"),
        ("debt", "Взыскание долга", "Debt"),
        ("legal", "Юридические лица", "Organisations"),
    ]
    .map(|(code, ru, en)| QueueInfo { code: QueueCode::new(code), name_ru: ru.into(), name_en: en.into() })
    .to_vec();
    assert_eq!(catalogue.faults(), Vec::<String>::new());
    catalogue
}

fn caller_phone() -> Phone {
    Phone::from_e164(79_162_040_000)
}

pub fn card(n_history: usize) -> Card {
    let account = |id: i64, number: &str, debt: i64, overdue: i16| Account {
        id: AccountId(id),
        number: number.into(),
        address: "г. Москва, ул. Большая Академическая, д. 7, корп. 2, кв. 14".into(),
        status: AccountStatus::Active,
        debt: Money(debt),
        months_overdue: overdue,
        meter: Some(Meter {
            id: MeterId(id),
            serial: "011 824 377".into(),
            zones: 2,
            digits: 5,
            phases: 1,
            max_ampere: 60,
            ratio: 1,
            verified_until: NaiveDate::from_ymd_opt(2031, 5, 1),
        }),
    };
    let sources = [ReadingSource::WebAccount, ReadingSource::Ivr, ReadingSource::Inspector, ReadingSource::Estimated];
    let readings = (0..13).map(|n: i64| Reading {
        account: AccountId(1),
        taken_on: (today() - Months::new(n as u32 + 1)).checked_sub_days(Days::new(1)).unwrap(),
        values: [15_882 - n * 171, 7_903 - n * 95].into_iter().collect(),
        consumed: 266 - n,
        source: sources[n as usize % 4],
    });
    let channels = [PaymentChannel::Sbp, PaymentChannel::Bank, PaymentChannel::Card, PaymentChannel::Post];
    let payments = (0..6).map(|n: i64| Payment {
        id: PaymentId(n),
        account: AccountId(1),
        paid_at: on(today() - Months::new(n as u32 + 2), 12),
        amount: Money(315_000 + n * 3_700),
        channel: channels[n as usize % 4],
        status: if n == 3 { PaymentStatus::Returned } else { PaymentStatus::Credited },
    });
    let invoice = |id: i64, number: &str, amount: i64, ground: &str, status| Invoice {
        id: InvoiceId(id),
        account: AccountId(1),
        number: number.into(),
        issued_on: today(),
        amount: Money(amount),
        corrects: Some(InvoiceId(1)),
        ground: ground.into(),
        status,
    };
    let request = |id: i64, form: &str, due: i64, status| Request {
        id: RequestId(id),
        customer: CustomerId(1),
        account: Some(AccountId(1)),
        form: form.into(),
        status,
        opened_at: at(9 * 86_400),
        due_at: Some(at(-due * 86_400)),
        opened_by: Some(AgentId(1)),
        fields: vec![],
        comment: "".into(),
        rev: 1,
    };
    Card {
        customer: Customer {
            id: CustomerId(1),
            kind: CustomerKind::Person,
            name: "Соколова Марина Андреевна".into(),
            address: "г. Москва, ул. Большая Академическая, д. 7, корп. 2, кв. 14".into(),
            email: None,
            customer_since_year: Some(2009),
            flags: vec![CustomerFlag::Loyal, CustomerFlag::EBill, CustomerFlag::Benefit, CustomerFlag::RestrictionRisk],
            debt: Money(431_280),
            updated_at: at(0),
            rev: 1,
        },
        contact_points: vec![ContactPoint { phone: caller_phone(), kind: ContactKind::Mobile }],
        accounts: vec![account(1, "41276 000 00", 431_280, 2), account(2, "41276 000 19", 0, 0)],
        readings: readings.collect(),
        payments: payments.collect(),
        payments_total: 84,
        corrective_invoices: vec![
            invoice(2, "КС-2026/0917", -84_216, "по акту проверки", InvoiceStatus::Issued),
            invoice(3, "КС-2026/0633", 21_044, "уточнение тарифа", InvoiceStatus::Paid),
        ],
        requests: vec![
            request(48_213, "recalculation", -3, RequestStatus::InWork),
            request(50_177, "recalculation", 5, RequestStatus::Registered),
        ],
        consumption: (0..24)
            .map(|n: i64| MonthConsumption {
                year: if n < 12 { 2024 } else { 2025 } + i16::from(n % 12 >= 1),
                month: ((n + 11) % 12 + 1) as u8,
                kwh: 230 + n * 2 + [0, 22, 41, 30, 6, -18, -30, -22, 4, 26, 38, 20][n as usize % 12],
            })
            .collect(),
        history: HistoryPage { lines: history(n_history), total: 5_000, next: None },
    }
}

pub fn history(n: usize) -> Vec<Interaction> {
    let kinds = [
        (
            Channel::Call,
            Direction::Inbound,
            "BIL.AMOUNT",
            "I.RESOLVED",
            "Спор по счёту за сентябрь: не учтены показания, сделан перерасчёт",
        ),
        (
            Channel::Email,
            Direction::Inbound,
            "BIL.RECALC",
            "I.REQUEST",
            "Прошу произвести перерасчёт за период отсутствия с 1 по 20 июля",
        ),
        (
            Channel::Call,
            Direction::Outbound,
            "DBT.PTP",
            "I.CALLBACK",
            "Напоминание о задолженности за 2 периода, обещала оплатить до пятницы",
        ),
        (
            Channel::Visit,
            Direction::Outbound,
            "RDG.CONTROL",
            "I.CONSULT",
            "Контрольное снятие показаний, доступ к прибору есть",
        ),
        (Channel::Meeting, Direction::Inbound, "ACC.DATA", "I.RESOLVED", "Принесла документы на льготу, приняты"),
        (
            Channel::WebAccount,
            Direction::Inbound,
            "RDG.SUBMIT",
            "I.RESOLVED",
            "Показания переданы через личный кабинет",
        ),
    ];
    (0..n)
        .map(|at_row| {
            let (channel, direction, topic, result, summary) = kinds[at_row % kinds.len()];
            Interaction {
                id: InteractionId(1_000_000 - at_row as i64),
                customer: Some(CustomerId(1)),
                account: Some(AccountId(1)),
                call: None,
                started_at: on(today() - Days::new(at_row as u64 * 3 + 1), 9 + (at_row % 9) as u32),
                duration_s: 240,
                channel,
                direction,
                agent: Some(AgentId(1)),
                agent_name: ["Иванова Д.", "Петренко С.", "Кузьмин А."][at_row % 3].into(),
                topic: Some(topic.into()),
                result: Some(result.into()),
                summary: summary.into(),
            }
        })
        .collect()
}

fn desk_state(work: Work, ago_s: i64) -> DeskState {
    DeskState {
        presence: Presence::Ready,
        presence_since: at(252),
        work,
        work_since: at(ago_s),
        pending: None,
        phone_registered: Some(true),
    }
}

/// A desk with nobody calling.
pub fn idle() -> Workplace {
    let names = [
        "Хайруллин Рустам Маратович",
        "Цветкова Эльвира Жановна",
        "Гончаренко Олег Викторович",
        "Мельникова Надежда Юрьевна",
        "Абдуллаев Тимур Хасанович",
        "ООО «Тёплый дом-2»",
    ];
    let waiting = names.iter().enumerate().map(|(n, name)| WaitingCaller {
        call: CallId(800 + n as i64),
        queue: QueueCode::new(["billing", "readings", "debt"][n % 3]),
        caller: CallerNumber::Public(Phone::from_e164(79_162_040_100 + n as i64)),
        name: Some((*name).into()),
        arrived_at: at(58 - n as i64 * 9),
    });
    let missed = MissedCall {
        id: CallbackId(1),
        call: CallId(600),
        queue: QueueCode::new("billing"),
        caller: CallerNumber::Public(caller_phone()),
        customer: Some(CustomerId(1)),
        customer_name: Some("Чижова Зинаида Львовна".into()),
        lost_at: at(1_900),
        waited_s: 41,
        ending: CallEnding::Abandoned,
        handled_by: None,
        handled_at: None,
    };
    let profile = AgentProfile {
        id: AgentId(1),
        login: "ivanova".into(),
        name: "Иванова Дарья".into(),
        role: Role::Supervisor,
        phone: Some("101".into()),
    };
    let lock = LockKey::new(&Secret::new("a password of the tests"), [7; 16]);
    let mut desk = Desk::default();
    desk.connection = Connection::Online;
    desk.session = Some(Session { profile, gateway: "wss://127.0.0.1:7443".into(), lock });
    desk.catalogue = Arc::new(catalogue());
    desk.state = Some(desk_state(Work::Idle, 8));
    desk.waiting = waiting.collect();
    desk.missed = vec![missed];
    Workplace {
        desk,
        settings: Settings::default(),
        now: now(),
        warm: false,
        typed: Typed::default(),
        asked: Vec::new(),
        n_made: 0,
    }
}

/// Somebody who has just signed in and has not said to be ready.
pub fn not_ready() -> Workplace {
    let mut place = idle();
    if let Some(state) = &mut place.desk.state {
        state.presence = Presence::NotReady { reason: ReasonCode::LOGIN };
    }
    place
}

/// A call in `phase` from somebody of whom `card` is known.
pub fn with_call(phase: Phase, caller: CallerNumber, card: CardView) -> Workplace {
    let mut place = idle();
    let offer = Offer {
        call: CALL,
        queue: QueueCode::new("billing"),
        caller: caller.clone(),
        display_name: None,
        arrived_at: at(8),
        offered_at: at(8),
        until: at(-12),
        can_answer_from_screen: true,
        age_us: 1_800,
        customer: None,
        card: Sealed::pack(&CardState::Unknown).unwrap(),
        kind: CallKind::Inbound,
        from: None,
        path: vec![],
    };
    let work = match phase {
        Phase::Ringing { .. } => Work::Ringing { call: CALL, until: now() },
        Phase::Dialing { .. } => Work::Dialing { call: CALL },
        Phase::Talking { .. } => Work::Talking { call: CALL },
        Phase::Wrapup { .. } => Work::Wrapup { call: CALL, limit: now() },
    };
    place.desk.state = Some(desk_state(work, 8));
    let pop = Pop { before_us: Some(2_400), taken_at: Moment::at_ms(1), shown_us: Some(6_100) };
    let mut view = CallView::offered(offer, pop);
    view.phase = phase;
    place.desk.call = Some(view);
    place.desk.last_pop_us = Some(6_100);
    place.desk.tabs = vec![Tab::new(TabKey::Call(CALL), Some(caller), card)];
    place.desk.front = Some(TabKey::Call(CALL));
    place
}

pub fn ringing_phase() -> Phase {
    Phase::Ringing { until: at(-12) }
}

pub fn known() -> CardView {
    CardView::Known(Arc::new(card(200)))
}

pub fn public() -> CallerNumber {
    CallerNumber::Public(caller_phone())
}

pub fn ringing() -> Workplace {
    with_call(ringing_phase(), public(), known())
}

pub fn talking() -> Workplace {
    with_call(Phase::Talking { since: at(223) }, public(), known())
}

pub fn wrapup() -> Workplace {
    let phase =
        Phase::Wrapup { talked_since: Some(at(300)), since: at(41), limit: at(-49), ending: CallEnding::CallerHungUp };
    let mut place = with_call(phase, public(), known());
    place.edit(Edit::Topic(Some("BIL.RECALC".into())));
    place.edit(Edit::Result(Some("I.REQUEST".into())));
    place.edit(Edit::Summary("Отсутствовала с 1 по 20 июля, справку пришлёт через личный кабинет.".into()));
    place
}

/// What this agent does in the talk.
pub fn line(activity: Activity) -> CallLine {
    let customer = match activity {
        Activity::Dialing => PartyState::Ringing,
        Activity::OnHold | Activity::Consulting => PartyState::OnHold,
        Activity::Talking | Activity::Conference => PartyState::Talking,
    };
    CallLine { activity, since: at(41), muted: false, customer: Some(customer), peer: None, guest: false }
}

/// A talk with `line`.
pub fn in_line(line: CallLine) -> Workplace {
    let mut place = talking();
    place.desk.call.as_mut().unwrap().line = Some(line);
    place
}

pub fn petrova() -> Party {
    Party::Agent { agent: AgentId(2), name: "Петрова Анна".into() }
}

pub fn with_peer(activity: Activity, state: PartyState) -> CallLine {
    let peer = PeerLine { party: petrova(), state, since: at(12) };
    CallLine { peer: Some(peer), ..line(activity) }
}

pub fn on_hold() -> Workplace {
    in_line(line(Activity::OnHold))
}

/// Nobody hears the operator, and the caller has pressed keys.
pub fn muted() -> Workplace {
    let mut place = in_line(CallLine { muted: true, ..line(Activity::Talking) });
    place.hears("41276#");
    place
}

pub fn consulting() -> Workplace {
    in_line(with_peer(Activity::Consulting, PartyState::Talking))
}

pub fn conference() -> Workplace {
    in_line(with_peer(Activity::Conference, PartyState::Talking))
}

/// Called in by a colleague who has the customer.
pub fn guest() -> Workplace {
    let mut place = in_line(CallLine { guest: true, ..with_peer(Activity::Consulting, PartyState::Talking) });
    place.comes_from(OfferedHow::Consult);
    place
}

/// A caller whom a colleague hands over rings.
pub fn handed_over() -> Workplace {
    let mut place = ringing();
    place.comes_from(OfferedHow::Transfer);
    place
}

/// The operator calls the customer back.
pub fn dialing() -> Workplace {
    let mut place = with_call(Phase::Dialing { since: at(6) }, public(), known());
    let call = place.desk.call.as_mut().unwrap();
    call.offer = Arc::new(Offer { kind: CallKind::Outbound, ..(*call.offer).clone() });
    call.line = Some(CallLine { since: at(6), ..line(Activity::Dialing) });
    place
}

/// A colleague calls, about nobody.
pub fn internal() -> Workplace {
    let mut place = with_call(ringing_phase(), CallerNumber::Short("104".into()), CardView::Unknown);
    place.comes_from(OfferedHow::Internal);
    let call = place.desk.call.as_mut().unwrap();
    call.offer = Arc::new(Offer { kind: CallKind::Internal, path: vec![], ..(*call.offer).clone() });
    place.desk.tabs.clear();
    place.desk.front = None;
    place
}

pub fn colleagues() -> Vec<Colleague> {
    let call = CallId(3);
    let one = |id: i64, name: &str, presence: Presence, work: Work| Colleague {
        agent: AgentId(id),
        name: name.into(),
        phone: Some((100 + id).to_string()),
        reachable: presence == Presence::Ready && work == Work::Idle,
        presence,
        work,
    };
    let away = || Presence::NotReady { reason: ReasonCode::new("lunch") };
    vec![
        one(1, "Иванова Дарья", Presence::Ready, Work::Idle),
        one(2, "Петрова Анна", Presence::Ready, Work::Idle),
        one(3, "Петренко Сергей", Presence::Ready, Work::OnHold { call }),
        one(4, "Кузьмин Артём", away(), Work::Idle),
        one(5, "Щукина Елена", Presence::Ready, Work::Wrapup { call, limit: now() }),
        one(6, "Хасанов Тимур", Presence::Ready, Work::Idle),
    ]
}

/// Whom to hand the talk to is looked for.
pub fn reaching(action: Action) -> Workplace {
    let mut place = if action == Action::Dial { idle() } else { talking() };
    if action != Action::Dial {
        place.edit(Edit::Summary("Спор о показаниях за октябрь, ждёт перерасчёт.".into()));
    }
    place.does(action);
    if action != Action::Tones {
        place.is_answered(Ok(Done::Colleagues { people: colleagues() }));
    }
    place
}

/// Somebody was picked for it.
pub fn picked() -> Workplace {
    let mut place = reaching(Action::Transfer);
    let to = Target::Agent { agent: AgentId(2) };
    place.does(Command::Reach(ReachEdit::Choose(Chosen { to, name: "Петрова Анна".into() })));
    place
}

/// The gateway refused what was picked.
pub fn not_reached() -> Workplace {
    let mut place = picked();
    place.does(Action::Transfer);
    place.is_answered(Err(CommandError::PartyFailed { why: PartyFailure::NotFree }));
    place
}

/// The dial plan refuses a number.
pub fn number_refused() -> Workplace {
    let mut place = reaching(Action::Dial);
    place.does(Command::Reach(ReachEdit::Text("8 809 555-00-01".into())));
    place.does(Command::ReachTo { purpose: Purpose::Dial, to: Target::Number { number: "88095550001".into() } });
    place.is_answered(Err(CommandError::NumberRefused { rule: DialRule::ClosedPrefix }));
    place
}

/// Two calls wait for whoever picks them up.
pub fn parked() -> Workplace {
    let mut place = idle();
    let one = |call: i64, name: &str, by: &str, ago_s: i64| ParkedCall {
        call: CallId(call),
        queue: QueueCode::new("billing"),
        caller: CallerNumber::Public(Phone::from_e164(79_162_040_200 + call)),
        name: Some(name.into()),
        parked_at: at(ago_s),
        parked_by: AgentId(3),
        parked_by_name: by.into(),
        until: at(-60),
    };
    place.desk.parked =
        vec![one(1, "Воробьёва Лидия Сергеевна", "Петренко С.", 74), one(2, "Жуков Илья", "Щукина Е.", 19)];
    place
}

/// Customers as a search finds them.
pub fn customers() -> Vec<CustomerLine> {
    let line = |id: i64, name: &str, account: &str, debt: i64| CustomerLine {
        id: CustomerId(id),
        kind: CustomerKind::Person,
        name: name.into(),
        address: "г. Москва, ул. Большая Академическая, д. 7, корп. 2, кв. 14".into(),
        account: Some(account.into()),
        debt: Money(debt),
    };
    vec![
        line(1, "Соколова Марина Андреевна", "41276 000 00", 431_280),
        line(2, "Соколов Андрей Петрович", "41276 000 19", 0),
    ]
}

/// Somebody who has opened a card while nobody calls.
pub fn card_by_hand() -> Workplace {
    let mut place = idle();
    let key = TabKey::Customer(CustomerId(1));
    place.desk.tabs = vec![Tab::new(key, None, known())];
    place.desk.front = Some(key);
    place
}

/// A desk that was started again with two drafts on its disk: of a call that is over, and of a card.
pub fn drafts_left() -> Workplace {
    let place = wrapup();
    let past = place.desk.drafts.get(TabKey::Call(CALL)).unwrap().clone();
    let mut place = idle();
    let mut withheld = past.clone();
    withheld.of = Origin { caller: Some(CallerNumber::Withheld), arrived_at: Some(at(93_000)), ..Origin::default() };
    withheld.summary = "Спросил о тарифе для электроплиты, перезвонит.".into();
    let drafts = vec![(TabKey::Call(CALL), past), (TabKey::Call(CallId(690)), withheld)];
    place.is_told(LinkEvent::Kept { drafts, saves: vec![] });
    place.is_told(LinkEvent::CardRead { tab: TabKey::Call(CALL), card: Ok(Arc::new(card(200))) });
    place
}

/// The search with two customers found.
pub fn searching() -> Workplace {
    let mut place = card_by_hand();
    place.does(Action::FindCustomer);
    place.does(Command::SearchBase { text: "сок".into() });
    place.is_told(LinkEvent::Found { tab: None, generation: 1, found: Ok(customers()) });
    place
}

/// A meeting that is being written down.
pub fn entering() -> Workplace {
    let mut place = card_by_hand();
    place.does(Action::AddInteraction);
    let entry = ManualDraft {
        topic_search: "показ".into(),
        summary: "Принесла справку об отсутствии, просит перерасчёт за июль.".into(),
        ..ManualDraft::at(at(0))
    };
    place.edit(Edit::Manual(Some(entry)));
    place
}

/// Nobody is signed in yet.
pub fn at_the_door() -> Workplace {
    let mut place = idle();
    place.desk = Desk::default();
    place.typed.gateway = "wss://pult.office.example:7443".into();
    place.typed.login = "ivanova".into();
    place
}

pub fn wrong_password() -> Workplace {
    let mut place = at_the_door();
    place.desk.sign_in.error = Some(SignInError::WrongPassword);
    place
}

pub fn asked_for_the_fingerprint() -> Workplace {
    let mut place = at_the_door();
    let bytes: Vec<String> = (0..32).map(|n: u8| format!("{:02X}", n.wrapping_mul(37).wrapping_add(11))).collect();
    let fingerprint = bytes.join(":");
    let gateway = place.typed.gateway.clone();
    place.desk.sign_in.step = SignInStep::ConfirmFingerprint { gateway, fingerprint };
    place
}

/// The same person works at another desk.
pub fn elsewhere() -> Workplace {
    let mut place = idle();
    place.desk.connection = Connection::Refused { why: Refused::DeskElsewhere };
    place
}

pub fn locked() -> Workplace {
    let mut place = talking();
    place.does(Action::Lock);
    place
}

pub fn settings() -> Workplace {
    let mut place = idle();
    place.does(Action::Settings);
    place
}

pub fn several() -> Workplace {
    with_call(ringing_phase(), public(), CardView::Several(customers().into()))
}

pub fn supervisor() -> Workplace {
    let mut place = idle();
    place.desk.screen.page = Page::Supervisor;
    let queue = |code: &str, waiting, oldest: Option<i64>, arrived, in_time| QueueLine {
        queue: QueueCode::new(code),
        waiting,
        oldest_arrived_at: oldest.map(at),
        ringing: 1,
        talking: 4,
        free: 2,
        arrived,
        answered: arrived - 12,
        answered_in_time: in_time,
        service_level_s: 20,
        abandoned: 9,
        handled_ms: i64::from(arrived - 12) * 278_000,
        handled: arrived - 12,
    };
    let names = [
        "Иванова Дарья",
        "Петренко Сергей",
        "Кузьмин Артём",
        "Щукина Елена",
        "Ёлкина Юлия",
        "Хасанов Тимур",
        "Белова Ирина",
        "Орлов Павел",
        "Громова Анна",
        "Зайцев Денис",
        "Лебедева Ольга",
    ];
    let people = names.iter().enumerate().map(|(n, name)| {
        let call = CallId(n as i64);
        let (presence, work) = match n % 6 {
            0 | 1 => (Presence::Ready, Work::Talking { call }),
            2 => (Presence::Ready, Work::Idle),
            3 => (Presence::NotReady { reason: ReasonCode::new("lunch") }, Work::Idle),
            4 => (Presence::Ready, Work::Wrapup { call, limit: now() }),
            _ => (Presence::Ready, Work::Ringing { call, until: now() }),
        };
        let busy = work != Work::Idle;
        PersonLine {
            agent: AgentId(n as i64),
            name: (*name).into(),
            role: Role::Operator,
            state: DeskState {
                presence,
                presence_since: at(1_200 + n as i64 * 40),
                work,
                work_since: at(37 + n as i64 * 97),
                pending: None,
                phone_registered: Some(true),
            },
            queue: busy.then(|| QueueCode::new(["billing", "readings", "debt"][n % 3])),
        }
    });
    let floor = Floor {
        queues: vec![
            queue("billing", 11, Some(134), 812, 586),
            queue("readings", 2, Some(19), 402, 371),
            queue("debt", 0, None, 96, 70),
            queue("legal", 1, Some(65), 58, 31),
        ],
        people: people.collect(),
        counted_from: at(14 * 3_600 + 7 * 60),
    };
    place.desk.floor = Some(Arc::new(floor));
    place
}

impl Workplace {
    /// The gateway answers what was sent last.
    pub fn is_answered(&mut self, outcome: Result<Done, CommandError>) {
        let sent = self.asked.iter().rev().find_map(|ask| match ask {
            Ask::Send { id, .. } => Some(*id),
            _ => None,
        });
        self.is_told(LinkEvent::Answer { id: sent.unwrap(), outcome });
    }

    /// The other end presses keys.
    pub fn hears(&mut self, keys: &str) {
        let state = self.desk.state.clone().unwrap();
        let view = self.desk.call.as_ref().unwrap();
        let call = CallAtDesk {
            offer: Box::new((*view.offer).clone()),
            answered_at: Some(at(223)),
            ended: None,
            line: view.line.clone(),
        };
        let (waiting, missed) = (self.desk.waiting.clone(), self.desk.missed.clone());
        let (call, faults, floor, parked) = (Some(call), vec![], None, vec![]);
        let snapshot = Snapshot { state, call, waiting, missed, floor, faults, parked };
        self.is_told(LinkEvent::Snapshot { seq: 0, snapshot: Box::new(snapshot), card: Some(known()) });
        for (n, digit) in keys.chars().enumerate() {
            let event = Box::new(Event::Digit { call: CALL, digit });
            self.is_told(LinkEvent::Happened { seq: n as u64 + 1, event, card: None, half_trip_us: 0 });
        }
    }

    /// A colleague stands behind the call.
    pub fn comes_from(&mut self, how: OfferedHow) {
        let call = self.desk.call.as_mut().unwrap();
        let from = Some(OfferedBy { agent: AgentId(2), name: "Петрова Анна".into(), how });
        let note = Some("Спор о показаниях за октябрь: клиент прислал фото, просит перерасчёт до пятницы.".into());
        let path = vec![
            PathStep { at: at(420), stop: Stop::Queue { queue: QueueCode::new("billing") } },
            PathStep {
                at: at(380), stop: Stop::Agent { agent: AgentId(2), name: "Петрова Анна".into(), note }
            },
        ];
        call.offer = Arc::new(Offer { from, path, ..(*call.offer).clone() });
    }

    pub fn english(mut self) -> Self {
        self.settings.language = Language::En;
        self
    }

    pub fn light(mut self) -> Self {
        self.settings.theme = Theme::Light;
        self
    }

    pub fn overlay(mut self, overlay: Overlay) -> Self {
        self.desk.screen.overlay = Some(overlay);
        self
    }

    pub fn offline(mut self) -> Self {
        self.desk.connection =
            Connection::Offline { since: self.now, retry_at: self.now.after(Duration::from_secs(3)) };
        self
    }

    pub fn zoom(mut self, zoom: f32) -> Self {
        self.settings.zoom = zoom;
        self
    }

    pub fn edit(&mut self, edit: Edit) {
        let tab = self.desk.front.unwrap();
        self.desk.edit(tab, edit, self.now);
    }

    /// Carries one thing out, as the window does.
    pub fn does(&mut self, command: impl Into<Command>) {
        let n_made = &mut self.n_made;
        let mut mint = || {
            *n_made += 1;
            Uuid::from_u128(*n_made)
        };
        let hands = &mut Hands { desk: &mut self.desk, settings: &mut self.settings, mint: &mut mint, now: self.now };
        self.asked.extend(perform(command.into(), hands));
    }

    /// The link tells something.
    pub fn is_told(&mut self, event: LinkEvent) {
        let stamped = Stamped { taken_at: self.now, event };
        if let Aftermath::Read(tabs) = self.desk.apply(stamped, self.now) {
            tabs.into_iter().for_each(|tab| self.does(Command::RefreshCard(tab)));
        }
    }

    /// Draws one frame and does what it asks for, keys included.
    pub fn frame(&mut self, ui: &mut egui::Ui) {
        operator_app::kit::apply(ui.ctx(), &self.settings);
        if !self.warm {
            operator_app::kit::warm_up(ui.ctx());
            self.warm = true;
        }
        let mut pressed = Vec::new();
        ui.ctx().input_mut(|input| keys::take_shortcuts(&mut input.events, &mut pressed));
        pressed.into_iter().for_each(|action| self.does(action));
        let mut requests = Requests::default();
        // The window has no margin; the harness does.
        let whole = ui.ctx().content_rect();
        let mut root = ui.new_child(egui::UiBuilder::new().max_rect(whole));
        root.set_clip_rect(whole);
        let scene = Scene { desk: &self.desk, settings: &self.settings, now: self.now };
        operator_app::screens::screen_ui(&mut root, &scene, &mut self.typed, &mut requests);
        self.desk.screen.focus = None;
        self.desk.screen.submit = None;
        requests.take().into_iter().for_each(|command| self.does(command));
    }

    pub fn harness(self, width: f32, height: f32) -> Harness<'static, Self> {
        let theme = match self.settings.theme {
            Theme::Dark => egui::Theme::Dark,
            Theme::Light => egui::Theme::Light,
        };
        Harness::builder()
            .with_size([width, height])
            .with_theme(theme)
            .with_max_steps(12)
            .with_context_setup(operator_app::kit::install)
            .build_ui_state(|ui, place: &mut Self| place.frame(ui), self)
    }
}
