//! What customers of the demo city have called, written and come about.

use super::chance::Chance;

/// One kind of contact. `{kwh}`, `{sum}`, `{month}`, `{day}` and `{n}` are filled in.
pub struct Talk {
    pub topic: &'static str,
    pub result: &'static str,
    pub channels: &'static [&'static str],
    pub summary: &'static str,
}

pub const AGENTS: [&str; 12] = [
    "Анна Котова",
    "Пётр Ларин",
    "Ольга Мельник",
    "Денис Рощин",
    "Вера Зорина",
    "Илья Сафонов",
    "Мария Громова",
    "Тимур Галеев",
    "Нина Лапина",
    "Артём Дьяков",
    "Софья Белова",
    "Юрий Панин",
];
const MONTHS: [&str; 12] = [
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

const CALL: &[&str] = &["call"];
const CALL_CHAT: &[&str] = &["call", "call", "call", "chat"];
const ANY: &[&str] = &["call", "call", "call", "chat", "email", "web_account"];
const PAPER: &[&str] = &["letter", "email", "meeting"];
const VISIT: &[&str] = &["visit"];
const TOLD: &[&str] = &["sms", "email"];
const WEB: &[&str] = &["web_account"];

const fn talk(
    topic: &'static str,
    result: &'static str,
    channels: &'static [&'static str],
    summary: &'static str,
) -> Talk {
    Talk { topic, result, channels, summary }
}

pub const TALKS: [Talk; 46] = [
    talk("RDG.SUBMIT", "I.RESOLVED", CALL_CHAT, "Передал показания за {month}: {kwh}. Приняты."),
    talk("RDG.SUBMIT", "I.RESOLVED", WEB, "Показания {kwh} переданы через личный кабинет."),
    talk("RDG.SUBMIT", "I.RESOLVED", CALL, "Не успела передать показания до 26-го, {kwh} учтём в следующем периоде."),
    talk(
        "RDG.DISPUTE",
        "I.REQUEST",
        ANY,
        "Не согласен с учтёнными показаниями за {month}, на приборе {kwh}. Оформлена заявка.",
    ),
    talk("RDG.CONTROL", "I.REQUEST", CALL, "Просит контрольное снятие показаний, удобно после {day}-го числа."),
    talk("RDG.CONTROL", "I.RESOLVED", VISIT, "Контрольное снятие: на приборе {kwh}, пломба на месте."),
    talk("RDG.HISTORY", "I.CONSULT", CALL_CHAT, "Продиктованы показания, переданные за последние {n} месяцев."),
    talk("MTR.REPLACE", "I.REQUEST", ANY, "Истёк срок поверки, просит заменить прибор учёта."),
    talk("MTR.REPLACE", "I.RESOLVED", VISIT, "Прибор учёта заменён, начальные показания {n}, акт подписан."),
    talk("MTR.SEAL", "I.REQUEST", CALL, "Прибор поставил частный мастер, нужна опломбировка."),
    talk("MTR.FAULT", "I.REQUEST", CALL, "На счётчике погас экран, индикации нет. Заявка на проверку."),
    talk("MTR.FAULT", "I.RESOLVED", VISIT, "Проверка прибора: нет индикации, расчёт по среднему до замены."),
    talk("MTR.VERIFY", "I.CONSULT", CALL_CHAT, "Разъяснён межповерочный интервал и порядок поверки."),
    talk("MTR.TARIFF", "I.REQUEST", CALL, "Хочет перейти на двухтарифный учёт день/ночь."),
    talk("MTR.SMART", "I.CONSULT", CALL, "Спрашивает, когда в доме поставят умные счётчики."),
    talk(
        "BIL.AMOUNT",
        "I.REQUEST",
        ANY,
        "Не согласна с начислением {sum} ₽ за {month}. Заявка передана в расчётный отдел.",
    ),
    talk("BIL.AMOUNT", "I.CONSULT", CALL, "Разъяснил начисление {sum} ₽: по прибору {kwh} кВт·ч, тариф двухзонный."),
    talk("BIL.RECALC", "I.REQUEST", ANY, "Просит перерасчёт за {month}: был в отъезде, показания не передавались."),
    talk("BIL.RECALC", "I.RESOLVED", PAPER, "Заявление на перерасчёт рассмотрено, снято {sum} ₽."),
    talk("BIL.CORR", "I.RESOLVED", TOLD, "Направлен корректировочный счёт за {month} на {sum} ₽."),
    talk("BIL.CORR", "I.CONSULT", CALL, "Объяснила, почему пришёл корректировочный счёт за {month}."),
    talk(
        "BIL.ODN",
        "I.CONSULT",
        CALL,
        "Вопрос по общедомовым нуждам, рекомендовано обратиться в управляющую компанию.",
    ),
    talk("BIL.NORM", "I.CONSULT", CALL_CHAT, "Начислено по среднему, так как показания не поступали {n} мес."),
    talk("BIL.TARIFF", "I.CONSULT", ANY, "Вопрос о тарифах и диапазонах потребления с июля."),
    talk("PAY.LOST", "I.REQUEST", ANY, "Платёж {sum} ₽ от {day}-го числа не виден в кабинете. Начат розыск."),
    talk("PAY.LOST", "I.RESOLVED", CALL, "Платёж {sum} ₽ найден, зачислен на лицевой счёт."),
    talk("PAY.WRONG", "I.REQUEST", CALL, "Оплатила {sum} ₽ на чужой лицевой счёт, просит перенести."),
    talk("PAY.REFUND", "I.REQUEST", PAPER, "Заявление о возврате переплаты {sum} ₽."),
    talk("PAY.HOW", "I.CONSULT", CALL_CHAT, "Рассказала, где оплатить без комиссии."),
    talk("PAY.AUTOPAY", "I.CONSULT", CALL, "Помог подключить автоплатёж в личном кабинете."),
    talk("DBT.INFO", "I.CONSULT", CALL, "Уточнил сумму долга: {sum} ₽, оплатит до {day}-го."),
    talk("DBT.INFO", "I.RESOLVED", TOLD, "Напоминание о задолженности {sum} ₽."),
    talk("DBT.PTP", "I.RESOLVED", CALL, "Обещает оплатить {sum} ₽ до {day}-го числа."),
    talk("DBT.PLAN", "I.REQUEST", CALL, "Просит рассрочку на {n} мес., первый взнос готов внести сразу."),
    talk("DBT.NOTICE", "I.CONSULT", CALL, "Получила уведомление об ограничении, долг {sum} ₽ оплачен вчера."),
    talk("DBT.RECONNECT", "I.REQUEST", CALL, "Долг погашен, просит возобновить подачу."),
    talk("ACC.OWNER", "I.REQUEST", PAPER, "Купили квартиру, просят переоформить лицевой счёт. Документы приложены."),
    talk("ACC.DATA", "I.REQUEST", ANY, "Сменила фамилию, просит исправить в квитанции."),
    talk("ACC.RESIDENTS", "I.REQUEST", PAPER, "Изменилось число проживающих: теперь {n}."),
    talk("DOC.NODEBT", "I.REQUEST", ANY, "Нужна справка об отсутствии задолженности для МФЦ."),
    talk("DOC.EBILL", "I.RESOLVED", CALL_CHAT, "Подключён электронный счёт, бумажный отключён."),
    talk("SUP.OUTAGE", "I.TRANSFER", CALL, "Нет света во всём подъезде, переведён в сетевую компанию."),
    talk("SUP.QUALITY", "I.REQUEST", CALL, "Жалуется на мигание света по вечерам, у соседей так же."),
    talk("CMP.QUEUE", "I.CONSULT", CALL, "Недоволен долгим ожиданием на линии, принесены извинения."),
    talk("CMP.THANKS", "I.RESOLVED", CALL_CHAT, "Благодарит за быстрый перерасчёт."),
    talk("DIG.LOGIN", "I.RESOLVED", CALL_CHAT, "Не мог войти в личный кабинет, пароль восстановлен."),
];

/// Fills a summary in.
pub fn told(talk: &Talk, chance: &mut Chance) -> String {
    let mut text = talk.summary.to_owned();
    let values = [
        ("{kwh}", chance.between(2_000, 48_000).to_string()),
        ("{sum}", chance.between(180, 9_400).to_string()),
        ("{month}", (*chance.pick(&MONTHS)).to_owned()),
        ("{day}", chance.between(2, 28).to_string()),
        ("{n}", chance.between(2, 6).to_string()),
    ];
    for (blank, value) in values {
        if text.contains(blank) {
            text = text.replace(blank, &value);
        }
    }
    text
}
