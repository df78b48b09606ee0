//! What an operator gets done with the keyboard alone: a customer found, a meeting written down, a draft finished.

#![allow(clippy::unwrap_used, reason = "a test says with it that a promise was broken")]

mod common;

use common::*;
use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use operator_app::command::{Action, Command, Reason};
use operator_app::perform::Ask;
use operator_app::state::Failure;
use operator_app::state::call::CardView;
use operator_app::state::drafts::{Draft, Edit};
use operator_app::state::event::LinkEvent;
use operator_app::state::tab::TabKey;
use operator_app::state::toasts::Message;
use operator_app::state::undo::Deed;
use shared::domain::agent::Wish;
use shared::domain::call::Target;
use shared::domain::customer::CustomerLine;
use shared::domain::interaction::{Channel, Direction};
use shared::ids::{AgentId, CallbackId, CustomerId};
use shared::wire::command::{Command as WireCommand, CommandError, Done, ManualEntry, Wrapup};
use shared::wire::event::{Event, Snapshot};

/// A screen with a person's hands on its keyboard.
struct Hands {
    harness: Harness<'static, Workplace>,
}

impl Hands {
    fn at(place: Workplace) -> Self {
        let mut harness = place.harness(1600.0, 900.0);
        harness.run_ok();
        Self { harness }
    }

    fn place(&mut self) -> &mut Workplace {
        self.harness.state_mut()
    }

    fn key(&mut self, key: Key) {
        self.harness.key_press(key);
        self.harness.run_ok();
    }

    fn ctrl(&mut self, key: Key) {
        self.harness.key_press_modifiers(Modifiers::CTRL | Modifiers::COMMAND, key);
        self.harness.run_ok();
    }

    /// Types into whatever has the keyboard.
    fn types(&mut self, text: &str) {
        self.harness.event(egui::Event::Text(text.to_owned()));
        self.harness.run_ok();
    }

    fn sees(&self, words: &str) -> bool {
        self.harness.query_all_by_label_contains(words).next().is_some()
    }

    fn draft(&mut self) -> Draft {
        let front = self.place().desk.front.unwrap();
        self.place().desk.drafts.get(front).cloned().unwrap_or_default()
    }

    /// The gateway answers the search that was asked for last.
    fn finds(&mut self, found: Result<Vec<CustomerLine>, Failure>) {
        let generation = self.place().asked.iter().rev().find_map(|ask| match ask {
            Ask::Search { tab: None, generation, .. } => Some(*generation),
            _ => None,
        });
        let generation = generation.expect("the gateway was asked");
        self.place().is_told(LinkEvent::Found { tab: None, generation, found });
        self.harness.run_ok();
    }

    /// Everything that went into the outbox.
    fn kept(&mut self) -> Vec<WireCommand> {
        let kept = self.place().asked.iter().filter_map(|ask| match ask {
            Ask::Keep { command, .. } => Some(command.clone()),
            _ => None,
        });
        kept.collect()
    }

    fn entries(&mut self) -> Vec<ManualEntry> {
        let entries = self.kept().into_iter().filter_map(|command| match command {
            WireCommand::SaveInteraction { entry } => Some(entry),
            _ => None,
        });
        entries.collect()
    }

    fn wrapups(&mut self) -> Vec<Wrapup> {
        let wrapups = self.kept().into_iter().filter_map(|command| match command {
            WireCommand::SaveWrapup { wrapup } => Some(wrapup),
            _ => None,
        });
        wrapups.collect()
    }

    /// The gateway answers what was kept last.
    fn is_answered(&mut self, outcome: Result<Done, CommandError>) {
        let id = self.place().asked.iter().rev().find_map(|ask| match ask {
            Ask::Keep { id, .. } => Some(*id),
            _ => None,
        });
        self.place().is_told(LinkEvent::Answer { id: id.expect("something was kept"), outcome });
        self.harness.run_ok();
    }
}

#[test]
fn a_customer_is_found_while_nobody_calls() {
    let mut hands = Hands::at(idle());
    assert!(hands.sees("Найти клиента, Ctrl+O"), "the idle screen says how");
    hands.ctrl(Key::O);
    assert!(hands.sees("Наберите лицевой счёт"));
    hands.types("С");
    assert!(hands.sees("не меньше двух"));
    hands.types("ок");
    assert!(hands.sees("Ищем"));
    hands.finds(Ok(customers()));
    assert!(hands.sees("Найдены 2 клиента"));
    hands.key(Key::ArrowDown);
    hands.key(Key::Enter);
    assert_eq!(hands.place().desk.front, Some(TabKey::Customer(CustomerId(2))));
    let asked = hands.place().asked.last().cloned();
    assert!(matches!(asked, Some(Ask::Card { customer: CustomerId(2), call: None, .. })), "{asked:?}");
    hands.ctrl(Key::W);
    assert!(hands.place().desk.tabs.is_empty(), "one key closes the card again");
}

#[test]
fn enter_opens_no_stranger_while_the_answer_is_on_its_way() {
    let mut hands = Hands::at(idle());
    hands.ctrl(Key::O);
    hands.types("Сок");
    hands.finds(Ok(customers()));
    hands.types("олов А");
    hands.key(Key::Enter);
    assert_eq!(hands.place().desk.front, None);
    hands.finds(Ok(customers()[1..].to_vec()));
    hands.key(Key::Enter);
    assert_eq!(hands.place().desk.front, Some(TabKey::Customer(CustomerId(2))));
}

#[test]
fn a_search_says_that_nobody_was_found_and_why_it_failed() {
    let mut hands = Hands::at(idle());
    hands.ctrl(Key::O);
    hands.types("Ыъ");
    hands.finds(Ok(vec![]));
    assert!(hands.sees("Никого не нашлось"));
    hands.types("ы");
    hands.finds(Err(Failure::DatabaseAway));
    assert!(hands.sees("Поиск не удался: база клиентов недоступна"));
    let n_asked = hands.place().asked.len();
    hands.key(Key::Enter);
    assert_eq!(hands.place().asked.len(), n_asked + 1, "Enter asks again");
    hands.finds(Ok(customers()));
    assert!(hands.sees("Найдены 2 клиента"));
    hands.key(Key::Escape);
    assert!(!hands.place().desk.search_open);
}

#[test]
fn a_pop_leaves_the_search_in_front_until_the_call_is_answered() {
    let mut hands = Hands::at(idle());
    hands.ctrl(Key::O);
    hands.types("Сок");
    hands.finds(Ok(customers()));
    let offer = ringing().desk.call.unwrap().offer;
    let state = hands.place().desk.state.clone().unwrap();
    let snapshot =
        Snapshot { state, call: None, waiting: vec![], missed: vec![], floor: None, faults: vec![], parked: vec![] };
    hands.place().is_told(LinkEvent::Snapshot { seq: 9, snapshot: Box::new(snapshot), card: None });
    let event = Box::new(Event::Offered { offer: Box::new(offer.as_ref().clone()) });
    hands.place().is_told(LinkEvent::Happened { seq: 10, event, card: Some(known()), half_trip_us: 0 });
    hands.harness.run_ok();
    assert!(hands.sees("Найдены 2 клиента"), "what is typed stays in front");
    assert!(hands.sees("Соколова Марина"), "the caller's card waits in its tab");
    hands.types("ол");
    assert_eq!(hands.place().desk.search.text, "Сокол", "and the keyboard stays in the line");
    hands.key(Key::F2);
    assert_eq!(hands.place().desk.front, Some(TabKey::Call(CALL)));
    hands.ctrl(Key::Tab);
    assert!(hands.place().desk.search_in_front(), "and it is still there after the answer");
}

#[test]
fn a_meeting_is_written_down_by_keys_alone() {
    let mut hands = Hands::at(card_by_hand());
    hands.ctrl(Key::M);
    let manual = hands.draft().manual.unwrap();
    assert_eq!((manual.date.as_str(), manual.time.as_str()), ("23.11.2026", "14:07"), "it happened now");
    // Date and time stand filled in, so the keyboard goes on to the topic.
    hands.key(Key::Tab);
    hands.key(Key::Tab);
    hands.types("перерасч");
    hands.key(Key::Enter);
    assert_eq!(hands.draft().manual.unwrap().topic.as_deref(), Some("BIL.RECALC"));
    hands.key(Key::Enter);
    hands.types("консул");
    hands.key(Key::Enter);
    assert_eq!(hands.draft().manual.unwrap().result.as_deref(), Some("I.CONSULT"));
    hands.key(Key::Tab);
    hands.types("Принесла справку");
    hands.ctrl(Key::Enter);
    hands.ctrl(Key::Enter);
    let entries = hands.entries();
    assert_eq!(entries.len(), 1, "pressed twice, written once");
    let entry = &entries[0];
    assert_eq!((entry.channel, entry.direction), (Channel::Meeting, Direction::Inbound));
    assert_eq!((entry.customer, entry.started_at), (CustomerId(1), at(0)));
    assert_eq!(entry.summary.reveal(), "Принесла справку");
    hands.is_answered(Ok(Done::Ok));
    assert!(hands.draft().manual.is_none());
    assert!(matches!(hands.place().asked.last(), Some(Ask::Card { .. })), "the history is read anew");
}

#[test]
fn an_entry_says_at_the_field_what_is_wrong_with_it() {
    let mut hands = Hands::at(card_by_hand());
    hands.ctrl(Key::M);
    hands.ctrl(Key::Enter);
    for said in ["Выберите тематику", "Выберите результат", "Напишите, о чём шла речь"]
    {
        assert!(hands.sees(said), "{said}");
    }
    let mut manual = hands.draft().manual.unwrap();
    manual.date = "24.11".into();
    hands.place().edit(Edit::Manual(Some(manual.clone())));
    hands.harness.run_ok();
    assert!(hands.sees("Это ещё не наступило"));
    manual.date = "вчера".into();
    manual.time = "25".into();
    hands.place().edit(Edit::Manual(Some(manual)));
    hands.harness.run_ok();
    assert!(hands.sees("Напишите дату как") && hands.sees("Напишите время как"));
    assert!(hands.entries().is_empty());
}

#[test]
fn an_open_entry_is_not_thrown_away_by_the_key_that_opens_one() {
    let mut hands = Hands::at(card_by_hand());
    hands.ctrl(Key::M);
    let mut manual = hands.draft().manual.unwrap();
    manual.summary = "Принесла справку".into();
    hands.place().edit(Edit::Manual(Some(manual)));
    hands.ctrl(Key::M);
    assert_eq!(hands.draft().manual.unwrap().summary.reveal(), "Принесла справку");
}

#[test]
fn a_draft_of_a_call_that_is_over_is_seen_finished_and_sent() {
    let mut hands = Hands::at(drafts_left());
    assert_eq!(hands.place().desk.front, None, "it does not push itself in front");
    assert!(hands.sees("Незаконченные черновики 2") && hands.sees("Перерасчёт"));
    // Alt+2 leads to the list, Enter opens what is marked.
    hands.harness.key_press_modifiers(Modifiers::ALT, Key::Num2);
    hands.harness.run_ok();
    hands.key(Key::ArrowDown);
    hands.key(Key::ArrowUp);
    hands.key(Key::Enter);
    let front = hands.place().desk.front;
    assert!(front.is_some());
    hands.place().does(Command::BringForward(TabKey::Call(CALL)));
    hands.harness.run_ok();
    assert!(hands.sees("закончен, не сохранено"));
    hands.ctrl(Key::Num1);
    hands.ctrl(Key::Enter);
    let wrapups = hands.wrapups();
    assert_eq!(wrapups.len(), 1);
    assert_eq!((wrapups[0].call, wrapups[0].customer), (CALL, Some(CustomerId(1))));
    assert_eq!(wrapups[0].result, "I.RESOLVED");
    hands.is_answered(Ok(Done::Ok));
    assert_eq!(hands.place().desk.tabs.len(), 1, "the other draft is still there");
}

#[test]
fn a_call_that_the_gateway_has_forgotten_goes_into_the_customers_history() {
    let mut hands = Hands::at(drafts_left());
    hands.place().does(Command::BringForward(TabKey::Call(CALL)));
    hands.ctrl(Key::Enter);
    hands.is_answered(Err(CommandError::NotFound { what: "call".into() }));
    assert!(hands.sees("Сохраните ещё раз"));
    hands.ctrl(Key::Enter);
    let entries = hands.entries();
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].channel, entries[0].customer, entries[0].started_at), (Channel::Call, CustomerId(1), at(8)));
    hands.is_answered(Ok(Done::Ok));
    assert!(hands.place().desk.tab(TabKey::Call(CALL)).is_none());
}

#[test]
fn a_forgotten_call_of_nobody_asks_for_its_customer_first() {
    let mut hands = Hands::at(drafts_left());
    let key = TabKey::Call(shared::ids::CallId(690));
    hands.place().does(Command::BringForward(key));
    hands.ctrl(Key::Enter);
    hands.is_answered(Err(CommandError::TooLate));
    assert_eq!(Action::Save.enabled(&hands.place().desk), Err(Reason::NoCustomer));
    let link =
        Command::LinkCustomer { call: shared::ids::CallId(690), customer: CustomerId(2), remember_number: false };
    hands.place().does(link);
    assert!(hands.kept().iter().all(|command| !matches!(command, WireCommand::LinkCustomer { .. })));
    hands.ctrl(Key::Enter);
    assert_eq!(hands.entries()[0].customer, CustomerId(2));
}

#[test]
fn a_dropped_draft_comes_back_with_one_key() {
    let mut hands = Hands::at(drafts_left());
    let key = TabKey::Call(CALL);
    hands.place().does(Command::BringForward(key));
    let before = hands.draft();
    hands.ctrl(Key::W);
    assert!(hands.place().desk.tab(key).is_none() && hands.place().desk.drafts.get(key).is_none());
    assert!(hands.sees("Черновик удалён"));
    hands.ctrl(Key::U);
    assert_eq!(hands.place().desk.front, Some(key));
    assert_eq!(hands.draft(), before);
    assert!(hands.place().desk.drafts.take_all().iter().any(|(tab, draft)| *tab == key && draft.is_some()));
}

#[test]
fn a_cancelled_entry_and_a_closed_form_come_back() {
    let mut hands = Hands::at(card_by_hand());
    hands.ctrl(Key::M);
    let mut manual = hands.draft().manual.unwrap();
    manual.summary = "Принесла справку".into();
    hands.place().edit(Edit::Manual(Some(manual)));
    hands.harness.run_ok();
    hands.harness.get_by_role_and_label(Role::Button, "Отмена").click();
    hands.harness.run_ok();
    assert!(hands.draft().manual.is_none());
    hands.harness.get_by_role_and_label(Role::Button, "Вернуть, Ctrl+U").click();
    hands.harness.run_ok();
    assert_eq!(hands.draft().manual.unwrap().summary.reveal(), "Принесла справку");
    assert!(hands.place().desk.undo.is_empty() && hands.place().desk.toasts.shown().is_empty());
}

#[test]
fn a_missed_call_that_was_marked_by_mistake_is_put_back() {
    let mut hands = Hands::at(idle());
    hands.place().does(Command::MarkMissed { callback: CallbackId(1), handled: true });
    assert_eq!(hands.place().desk.toasts.shown()[0].message, Message::Done(Deed::MarkedHandled));
    hands.ctrl(Key::U);
    let kept = hands.kept();
    let last = kept.last().unwrap();
    assert!(matches!(last, WireCommand::MarkMissed { callback: CallbackId(1), handled: false }), "{last:?}");
}

#[test]
fn a_desk_that_lost_its_call_while_it_was_away_can_still_save_what_was_typed() {
    let mut hands = Hands::at(wrapup());
    let state = hands.place().desk.state.clone().unwrap();
    let snapshot =
        Snapshot { state, call: None, waiting: vec![], missed: vec![], floor: None, faults: vec![], parked: vec![] };
    hands.place().is_told(LinkEvent::Snapshot { seq: 9, snapshot: Box::new(snapshot), card: None });
    hands.harness.run_ok();
    hands.ctrl(Key::Enter);
    assert_eq!(hands.wrapups().len(), 1);
}

#[test]
fn a_card_that_comes_after_the_first_letter_is_kept_with_the_draft() {
    let mut place = with_call(ringing_phase(), public(), CardView::Pending);
    place.edit(Edit::Summary("спросил".into()));
    let sealed = shared::wire::Sealed::pack(&shared::wire::card::CardState::Unknown).unwrap();
    let state = place.desk.state.clone().unwrap();
    let snapshot =
        Snapshot { state, call: None, waiting: vec![], missed: vec![], floor: None, faults: vec![], parked: vec![] };
    place.is_told(LinkEvent::Snapshot { seq: 9, snapshot: Box::new(snapshot), card: None });
    let event = Box::new(Event::CardArrived { call: CALL, customer: Some(CustomerId(1)), card: sealed });
    place.is_told(LinkEvent::Happened { seq: 10, event, card: Some(known()), half_trip_us: 0 });
    assert_eq!(place.desk.origin(TabKey::Call(CALL)).customer, Some(CustomerId(1)));
}

#[test]
fn somebody_who_is_not_ready_is_told_why_nobody_calls_and_says_so_by_one_button() {
    let mut hands = Hands::at(not_ready());
    assert!(hands.sees("Пока вы не готовы"));
    hands.harness.get_by_role_and_label(Role::Button, "Готов").click();
    hands.harness.run_ok();
    let asked = hands.place().asked.last().cloned();
    let Some(Ask::Send { command, .. }) = asked else { panic!("{asked:?}") };
    assert!(matches!(command, WireCommand::SetState { wish: Wish::Ready }), "{command:?}");
    assert!(!Hands::at(idle()).sees("Пока вы не готовы"));
}

/// What was sent to the gateway, now or never.
fn sent(hands: &mut Hands) -> Vec<WireCommand> {
    let sent = hands.place().asked.iter().filter_map(|ask| match ask {
        Ask::Send { command, .. } if !matches!(command, WireCommand::ListColleagues) => Some(command.clone()),
        _ => None,
    });
    sent.collect()
}

#[test]
fn a_call_is_handed_over_without_the_mouse() {
    let mut hands = Hands::at(reaching(Action::Transfer));
    hands.types("петр");
    assert!(hands.sees("Петрова Анна, Свободен, 102"));
    hands.key(Key::Enter);
    assert!(sent(&mut hands).is_empty(), "the first Enter picks");
    assert!(hands.sees("Заметка для коллеги"));
    hands.types(" Срочно.");
    hands.key(Key::Enter);
    let sent = sent(&mut hands);
    let [WireCommand::Transfer { to, note, .. }] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(to, &Target::Agent { agent: AgentId(2) });
    assert!(
        note.as_ref().unwrap().reveal().ends_with("ждёт перерасчёт. Срочно."),
        "{:?}",
        note.as_ref().unwrap().reveal()
    );
    hands.place().is_answered(Ok(Done::Ok));
    hands.harness.run_ok();
    assert!(!hands.sees("Заметка для коллеги"));
}

#[test]
fn a_refusal_is_read_where_it_was_asked_for_and_tried_again_with_one_key() {
    let mut hands = Hands::at(not_reached());
    assert!(hands.sees("Петрова Анна: сейчас не может ответить, выберите другого"));
    hands.key(Key::F7);
    let sent = sent(&mut hands);
    assert!(matches!(sent.last(), Some(WireCommand::Consult { .. })), "{sent:?}");
}

#[test]
fn esc_leads_back_step_by_step_and_drops_no_call() {
    let mut hands = Hands::at(reaching(Action::Conference));
    hands.types("хас");
    hands.key(Key::Enter);
    assert!(hands.place().desk.reach.as_ref().unwrap().chosen.is_some());
    hands.key(Key::Escape);
    assert!(hands.place().desk.reach.as_ref().unwrap().chosen.is_none());
    hands.key(Key::Escape);
    assert!(hands.place().desk.reach.is_none());
    assert!(hands.place().desk.call.as_ref().unwrap().is_talking() && sent(&mut hands).is_empty());
}

#[test]
fn a_number_is_dialled_from_the_keyboard() {
    let mut hands = Hands::at(reaching(Action::Dial));
    hands.types("8 916 204-00-00");
    assert!(hands.sees("+7 916 204-00-00, номер"));
    hands.key(Key::Enter);
    let sent = sent(&mut hands);
    let [WireCommand::Dial { to: Target::Number { number }, .. }] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(number, "89162040000");
}

#[test]
fn a_number_on_the_card_is_called_by_a_click_and_brings_its_customer() {
    let mut hands = Hands::at(card_by_hand());
    hands.harness.get_by_role_and_label(Role::Button, "Позвонить на +7 916 204-00-00").click();
    hands.harness.run_ok();
    let sent = sent(&mut hands);
    let [WireCommand::Dial { customer, callback: None, .. }] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(*customer, Some(CustomerId(1)));
}

#[test]
fn a_missed_call_is_answered_by_a_call_that_says_so() {
    let mut hands = Hands::at(idle());
    hands.harness.get_by_role_and_label(Role::Tab, "Пропущенные 1").click();
    hands.harness.run_ok();
    hands.harness.key_press_modifiers(Modifiers::ALT, Key::Num1);
    hands.harness.run_ok();
    hands.key(Key::ArrowDown);
    hands.harness.get_by_role_and_label(Role::Button, "Перезвонить").click();
    hands.harness.run_ok();
    let sent = sent(&mut hands);
    let [WireCommand::Dial { customer, callback, .. }] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!((*customer, *callback), (Some(CustomerId(1)), Some(CallbackId(1))));
}

#[test]
fn a_parked_call_is_picked_up_with_enter() {
    let mut hands = Hands::at(parked());
    hands.harness.key_press_modifiers(Modifiers::ALT, Key::Num1);
    hands.harness.run_ok();
    hands.key(Key::ArrowDown);
    hands.key(Key::Enter);
    let sent = sent(&mut hands);
    assert!(matches!(&sent[..], [WireCommand::PickUp { call }] if call.0 == 1), "{sent:?}");
}

#[test]
fn keys_for_a_voice_menu_go_out_as_they_are_typed() {
    let mut hands = Hands::at(reaching(Action::Tones));
    hands.types("1");
    hands.types("2#");
    let pressed: Vec<String> = sent(&mut hands)
        .into_iter()
        .map(|command| match command {
            WireCommand::SendDigits { digits, .. } => digits,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(pressed, ["1", "2#"]);
}

#[test]
fn what_is_typed_about_the_call_is_left_alone_by_looking_for_a_colleague() {
    let mut hands = Hands::at(reaching(Action::Transfer));
    hands.types("петр");
    hands.key(Key::F8);
    hands.types("показания");
    assert_eq!(hands.draft().line.reveal(), "показания");
    assert_eq!(hands.place().desk.reach.as_ref().unwrap().text.reveal(), "петр");
}

#[test]
fn those_who_would_answer_stand_first_and_a_name_in_the_wrong_layout_is_found() {
    let mut hands = Hands::at(reaching(Action::Transfer));
    let rows: Vec<String> = {
        let options = hands.harness.query_all_by_role(Role::ListBoxOption);
        options.filter_map(|option| option.accesskit_node().label()).filter(|label| label.contains(", 10")).collect()
    };
    let names: Vec<&str> = rows.iter().filter_map(|row| row.split(',').next()).collect();
    assert_eq!(names, ["Петрова Анна", "Хасанов Тимур", "Кузьмин Артём", "Петренко Сергей", "Щукина Елена"]);
    hands.types("[fcfy");
    assert!(hands.sees("Хасанов Тимур, Свободен") && !hands.sees("Петренко Сергей, "));
}

#[test]
fn a_handed_over_caller_comes_with_the_note_and_the_way_and_the_customers_number() {
    let hands = Hands::at(handed_over());
    assert!(hands.sees("Петрова Анна: Спор о показаниях за октябрь"));
    assert!(hands.sees("Начисления · физлица") && hands.sees("+7 916 204-00-00"));
    assert!(hands.sees("Перевод · Петрова Анна"));
}

#[test]
fn the_microphone_that_is_off_is_said_in_words() {
    assert!(Hands::at(muted()).sees("микрофон выключен"));
    assert!(!Hands::at(talking()).sees("микрофон выключен"));
}
