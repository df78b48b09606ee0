use shared::domain::account::{AccountStatus, InvoiceStatus, PaymentChannel, PaymentStatus, ReadingSource};
use shared::domain::customer::CustomerFlag;
use shared::domain::request::RequestStatus;

use super::{Tr, plural_en, plural_ru};
use crate::settings::Language;

/// The customer's card in all its states.
#[derive(Debug)]
pub struct CardWords {
    pub(crate) tab: &'static str,
    pub(crate) tabs: &'static str,
    pub(crate) idle: &'static str,
    pub(crate) idle_not_ready: &'static str,
    pub(crate) customer: &'static str,
    pub(crate) open_cards: &'static str,
    pub(crate) draft: &'static str,
    pub(crate) unfinished: &'static str,
    pub(crate) waits: &'static str,
    pub(crate) loading: &'static str,
    pub(crate) account: &'static str,
    pub(crate) accounts: &'static str,
    pub(crate) customer_since: fn(i16) -> String,
    pub(crate) zones: [&'static str; 3],
    pub(crate) debt: &'static str,
    pub(crate) no_debt: &'static str,
    pub(crate) months_overdue: fn(usize) -> String,
    pub(crate) last_readings: &'static str,
    pub(crate) no_readings: &'static str,
    pub(crate) last_payment: &'static str,
    pub(crate) no_payments: &'static str,
    pub(crate) consumption: &'static str,
    pub(crate) no_consumption: &'static str,
    pub(crate) to_last_year: fn(&str) -> String,
    pub(crate) month_total: fn(&str) -> String,
    pub(crate) readings: &'static str,
    pub(crate) meter_number: fn(&str) -> String,
    pub(crate) no_meter: &'static str,
    pub(crate) payments: &'static str,
    pub(crate) all_n: fn(&str) -> String,
    pub(crate) corrective: &'static str,
    pub(crate) no_corrective: &'static str,
    pub(crate) requests: &'static str,
    pub(crate) no_requests: &'static str,
    pub(crate) col_date: &'static str,
    pub(crate) col_zone: [&'static str; 3],
    pub(crate) col_kwh: &'static str,
    pub(crate) col_source: &'static str,
    pub(crate) col_amount: &'static str,
    pub(crate) col_channel: &'static str,
    pub(crate) col_status: &'static str,
    pub(crate) col_number: &'static str,
    pub(crate) col_ground: &'static str,
    pub(crate) col_request: &'static str,
    pub(crate) col_due: &'static str,
    pub(crate) due_on: fn(&str) -> String,
    pub(crate) days_late: fn(usize) -> String,
    pub(crate) unknown: &'static str,
    pub(crate) unknown_hint: &'static str,
    pub(crate) candidates: &'static str,
    pub(crate) link: &'static str,
    pub(crate) link_hint: &'static str,
    pub(crate) link_number: &'static str,
    pub(crate) create: &'static str,
    pub(crate) create_title: &'static str,
    pub(crate) name: &'static str,
    pub(crate) phone: &'static str,
    pub(crate) address: &'static str,
    pub(crate) organisation: &'static str,
    pub(crate) person: &'static str,
    pub(crate) name_missing: &'static str,
    pub(crate) phone_wrong: &'static str,
    pub(crate) cancel: &'static str,
    pub(crate) withheld: &'static str,
    pub(crate) withheld_hint: &'static str,
    pub(crate) several: fn(usize) -> String,
    pub(crate) several_hint: &'static str,
    pub(crate) unavailable: &'static str,
    pub(crate) unavailable_hint: &'static str,
    pub(crate) unavailable_retry: &'static str,
    pub(crate) retry: &'static str,
    pub(crate) verified_late: &'static str,
}

pub const RU: CardWords = CardWords {
    tab: "Карточка",
    tabs: "Карточка и история",
    idle: "Карточка клиента откроется сама, когда поступит вызов",
    idle_not_ready: "Пока вы не готовы, вызовы к вам не поступают",
    customer: "Клиент",
    open_cards: "Открытые карточки",
    draft: "черновик",
    unfinished: "Незаконченные черновики",
    waits: "ждёт отправки",
    loading: "Карточка загружается",
    account: "Л/с",
    accounts: "Лицевые счета",
    customer_since: |year| format!("клиент с {year}"),
    zones: ["Однотарифный", "Двухтарифный", "Трёхтарифный"],
    debt: "Задолженность",
    no_debt: "долга нет",
    months_overdue: |n| format!("{n} {} без оплаты", plural_ru(n, "период", "периода", "периодов")),
    last_readings: "Последние показания",
    no_readings: "Показаний ещё не было",
    last_payment: "Последний платёж",
    no_payments: "Платежей ещё не было",
    consumption: "Расход, кВт·ч",
    no_consumption: "Расход ещё не известен",
    to_last_year: |month| format!("к {month}"),
    month_total: |month| format!("за {month}"),
    readings: "Показания счётчика",
    meter_number: |number| format!("№ {number}"),
    no_meter: "без прибора учёта",
    payments: "Платежи",
    all_n: |n| format!("Всего {n}"),
    corrective: "Корректировочные счета",
    no_corrective: "Корректировок не было",
    requests: "Открытые заявки",
    no_requests: "Открытых заявок нет",
    col_date: "Дата",
    col_zone: ["День", "Ночь", "П/пик"],
    col_kwh: "кВт·ч",
    col_source: "Источник",
    col_amount: "Сумма",
    col_channel: "Канал",
    col_status: "Статус",
    col_number: "Номер",
    col_ground: "Основание",
    col_request: "Заявка",
    col_due: "Срок",
    due_on: |day| format!("до {day}"),
    days_late: |n| format!("\u{2212}{n} {}", plural_ru(n, "день", "дня", "дней")),
    unknown: "Номер не найден в базе клиентов",
    unknown_hint: "Спросите лицевой счёт или фамилию и найдите клиента",
    candidates: "Клиенты с этим номером",
    link: "Привязать",
    link_hint: "Стрелки и Enter привязывают клиента к звонку",
    link_number: "Запомнить номер за клиентом",
    create: "Создать клиента",
    create_title: "Новый клиент",
    name: "Имя",
    phone: "Телефон",
    address: "Адрес",
    organisation: "Организация",
    person: "Человек",
    name_missing: "Напишите имя",
    phone_wrong: "Номер телефона не читается",
    cancel: "Отмена",
    withheld: "Звонящий скрыл номер",
    withheld_hint: "Спросите лицевой счёт или фамилию и найдите клиента",
    several: |n| format!("На этом номере {n} {}", plural_ru(n, "клиент", "клиента", "клиентов")),
    several_hint: "Уточните, кто звонит: стрелки и Enter",
    unavailable: "Карточка не открылась: база клиентов недоступна",
    unavailable_hint: "Вызов можно принять; данные подтянутся сами",
    unavailable_retry: "То, что вы набрали, на месте. Попробуйте ещё раз через минуту.",
    retry: "Повторить",
    verified_late: "поверка истекла",
};

pub const EN: CardWords = CardWords {
    tab: "Card",
    tabs: "Card and history",
    idle: "The customer's card opens by itself when a call arrives",
    idle_not_ready: "No calls come to you while you are not ready",
    customer: "Customer",
    open_cards: "Open cards",
    draft: "draft",
    unfinished: "Unfinished drafts",
    waits: "waits to be sent",
    loading: "The card is loading",
    account: "Account",
    accounts: "Accounts",
    customer_since: |year| format!("customer since {year}"),
    zones: ["Single tariff", "Two tariffs", "Three tariffs"],
    debt: "Debt",
    no_debt: "nothing owed",
    months_overdue: |n| format!("{n} {} unpaid", plural_en(n, "period", "periods")),
    last_readings: "Last readings",
    no_readings: "No readings yet",
    last_payment: "Last payment",
    no_payments: "No payments yet",
    consumption: "Consumption, kWh",
    no_consumption: "Consumption not known yet",
    to_last_year: |month| format!("to {month}"),
    month_total: |month| format!("in {month}"),
    readings: "Meter readings",
    meter_number: |number| format!("No. {number}"),
    no_meter: "no meter",
    payments: "Payments",
    all_n: |n| format!("{n} in all"),
    corrective: "Corrective invoices",
    no_corrective: "No corrections so far",
    requests: "Open requests",
    no_requests: "No open requests",
    col_date: "Date",
    col_zone: ["Day", "Night", "Half-peak"],
    col_kwh: "kWh",
    col_source: "Source",
    col_amount: "Amount",
    col_channel: "Channel",
    col_status: "Status",
    col_number: "Number",
    col_ground: "Ground",
    col_request: "Request",
    col_due: "Due",
    due_on: |day| format!("by {day}"),
    days_late: |n| format!("\u{2212}{n} {}", plural_en(n, "day", "days")),
    unknown: "This number is not in the customer base",
    unknown_hint: "Ask for the account or the name and find the customer",
    candidates: "Customers with this number",
    link: "Link",
    link_hint: "Arrows and Enter link the customer to the call",
    link_number: "Remember the number as the customer's",
    create: "Create customer",
    create_title: "New customer",
    name: "Name",
    phone: "Phone",
    address: "Address",
    organisation: "Organisation",
    person: "Person",
    name_missing: "Write a name",
    phone_wrong: "This is no phone number",
    cancel: "Cancel",
    withheld: "The caller keeps the number to themselves",
    withheld_hint: "Ask for the account or the name and find the customer",
    several: |n| format!("This number has {n} {}", plural_en(n, "customer", "customers")),
    several_hint: "Ask who is calling: arrows and Enter",
    unavailable: "The card did not open: the customer base is away",
    unavailable_hint: "You can take the call; the data will follow by themselves",
    unavailable_retry: "What you have typed is safe. Try again in a minute.",
    retry: "Try again",
    verified_late: "verification expired",
};

impl Tr {
    pub(crate) fn flag(&self, flag: CustomerFlag) -> &'static str {
        let (ru, en) = match flag {
            CustomerFlag::EBill => ("Электронный счёт", "E-bill"),
            CustomerFlag::Benefit => ("Льгота", "Benefit"),
            CustomerFlag::RestrictionRisk => ("Риск ограничения", "Restriction risk"),
            CustomerFlag::ElectricStove => ("Электроплита", "Electric stove"),
            CustomerFlag::Loyal => ("Лояльный", "Loyal"),
            CustomerFlag::NoCalls => ("Не звонить", "No calls"),
        };
        self.pick(ru, en)
    }

    pub(crate) fn account_status(&self, status: AccountStatus) -> &'static str {
        let (ru, en) = match status {
            AccountStatus::Active => ("действует", "active"),
            AccountStatus::Restricted => ("ограничен", "restricted"),
            AccountStatus::Closed => ("закрыт", "closed"),
        };
        self.pick(ru, en)
    }

    pub(crate) fn reading_source(&self, source: ReadingSource) -> &'static str {
        let (ru, en) = match source {
            ReadingSource::Operator => ("Оператор", "Operator"),
            ReadingSource::WebAccount => ("Личный кабинет", "Web account"),
            ReadingSource::Ivr => ("Автоответчик", "Voice menu"),
            ReadingSource::Inspector => ("Обходчик", "Inspector"),
            ReadingSource::SmartMeter => ("Умный счётчик", "Smart meter"),
            ReadingSource::Estimated => ("Расчётный", "Estimated"),
        };
        self.pick(ru, en)
    }

    pub(crate) fn payment_channel(&self, channel: PaymentChannel) -> &'static str {
        let (ru, en) = match channel {
            PaymentChannel::Sbp => ("СБП", "SBP"),
            PaymentChannel::Card => ("Карта", "Card"),
            PaymentChannel::Bank => ("Банк", "Bank"),
            PaymentChannel::Post => ("Почта", "Post"),
            PaymentChannel::Terminal => ("Терминал", "Terminal"),
            PaymentChannel::AutoPay => ("Автоплатёж", "Auto-payment"),
        };
        self.pick(ru, en)
    }

    pub(crate) fn payment_status(&self, status: PaymentStatus) -> &'static str {
        let (ru, en) = match status {
            PaymentStatus::Credited => ("зачислено", "credited"),
            PaymentStatus::InTransit => ("в пути", "in transit"),
            PaymentStatus::Returned => ("возврат", "returned"),
        };
        self.pick(ru, en)
    }

    pub(crate) fn invoice_status(&self, status: InvoiceStatus) -> &'static str {
        let (ru, en) = match status {
            InvoiceStatus::Issued => ("выставлен", "issued"),
            InvoiceStatus::Paid => ("оплачен", "paid"),
            InvoiceStatus::Overdue => ("просрочен", "overdue"),
            InvoiceStatus::Cancelled => ("отменён", "cancelled"),
        };
        self.pick(ru, en)
    }

    pub(crate) fn request_status(&self, status: RequestStatus) -> &'static str {
        let (ru, en) = match status {
            RequestStatus::Draft => ("черновик", "draft"),
            RequestStatus::Registered => ("принята", "registered"),
            RequestStatus::InWork => ("в работе", "in work"),
            RequestStatus::WaitingCustomer => ("ждёт клиента", "waits for customer"),
            RequestStatus::WaitingFieldCrew => ("ждёт бригаду", "waits for crew"),
            RequestStatus::Resolved => ("решена", "resolved"),
            RequestStatus::Closed => ("закрыта", "closed"),
            RequestStatus::Rejected => ("отказ", "rejected"),
            RequestStatus::Cancelled => ("отменена", "cancelled"),
        };
        self.pick(ru, en)
    }

    /// The month's name as it stands after a preposition: `октябрю 2025` / `October 2025`.
    pub(crate) fn month_dative(&self, year: i16, month: u8) -> String {
        const RU: [&str; 12] = [
            "январю",
            "февралю",
            "марту",
            "апрелю",
            "маю",
            "июню",
            "июлю",
            "августу",
            "сентябрю",
            "октябрю",
            "ноябрю",
            "декабрю",
        ];
        format!("{} {year}", self.month_of(&RU, month))
    }

    /// `октябрь 2026` / `October 2026`
    pub(crate) fn month_name(&self, year: i16, month: u8) -> String {
        const RU: [&str; 12] = [
            "январь",
            "февраль",
            "март",
            "апрель",
            "май",
            "июнь",
            "июль",
            "август",
            "сентябрь",
            "октябрь",
            "ноябрь",
            "декабрь",
        ];
        format!("{} {year}", self.month_of(&RU, month))
    }

    fn month_of(&self, ru: &[&'static str; 12], month: u8) -> &'static str {
        const EN: [&str; 12] = [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ];
        let at = usize::from(month.clamp(1, 12) - 1);
        self.pick(ru[at], EN[at])
    }

    pub(crate) const fn pick(&self, ru: &'static str, en: &'static str) -> &'static str {
        match self.language {
            Language::Ru => ru,
            Language::En => en,
        }
    }
}
