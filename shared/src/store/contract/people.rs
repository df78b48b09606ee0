//! Finding customers, and the people who look for them.

use super::*;
use crate::store::{NewUser, PhoneRow, SaveError};

promised! {
    a_new_customer_is_known_at_the_next_call,
    a_linked_number_finds_its_customer,
    a_number_of_several_opens_no_card,
    a_customer_is_found_however_one_types,
    a_login_belongs_to_one_person,
    a_sip_phone_keeps_its_secrets_halves,
}

async fn a_new_customer_is_known_at_the_next_call(store: Store) {
    let (own, calling) = (Phone::parse("89162040000").unwrap(), Phone::parse("84952040000").unwrap());
    let key = key();
    let id = store.create_customer(key, &anna(), &sokolova(), Some(calling), NOW).await.unwrap();
    assert_eq!(store.create_customer(key, &anna(), &sokolova(), Some(calling), NOW).await.unwrap(), id);
    for phone in [own, calling] {
        let card = card_of(&store, phone).await;
        assert_eq!((card.customer.id, card.customer.updated_at, card.customer.rev), (id, NOW, 1));
        assert_eq!(card.customer.name, sokolova().name);
        assert_eq!(card.contact_points.len(), 2);
        assert!(card.accounts.is_empty() && card.history.lines.is_empty());
    }
}

async fn a_linked_number_finds_its_customer(store: Store) {
    let id = make(&store, &sokolova()).await;
    let phone = Phone::parse("8 903 111-22-33").unwrap();
    let key = key();
    for _ in 0..2 {
        store.link_phone(key, &anna(), id, phone, NOW).await.unwrap();
    }
    store.link_phone(Uuid::now_v7(), &anna(), id, phone, NOW).await.unwrap();
    let card = card_of(&store, phone).await;
    assert_eq!((card.customer.id, card.customer.rev), (id, 3));
    let nobody = store.link_phone(Uuid::now_v7(), &anna(), CustomerId(5), phone, NOW).await;
    assert!(matches!(nobody, Err(SaveError::NotFound { what: "customer" })), "{nobody:?}");
    assert_eq!(card_of(&store, phone).await.customer.id, id);
}

async fn a_number_of_several_opens_no_card(store: Store) {
    let one = make(&store, &sokolova()).await;
    let other = make(&store, &NewCustomer { name: "Белов Пётр".into(), ..sokolova() }).await;
    let shared = sokolova().phone.unwrap();
    let found = store.look_up(shared, 5).await.unwrap();
    assert_eq!((found.customer, found.shown.as_slice()), (None, [other, one].as_slice()), "by name");
    let CardState::Several { candidates } = found.card.open().unwrap() else { panic!("two have it") };
    assert_eq!(candidates.iter().map(|line| line.id).collect::<Vec<_>>(), [other, one]);
    let unknown = store.look_up(Phone::parse("8 903 111-22-33").unwrap(), 5).await.unwrap();
    assert!(matches!(unknown.card.open().unwrap(), CardState::Unknown));
    assert!(unknown.customer.is_none() && unknown.shown.is_empty());
}

async fn a_customer_is_found_however_one_types(store: Store) {
    city(&store, 40, 0).await;
    let id = make(&store, &sokolova()).await;
    let found = async |typed: &str| {
        let lines = store.search_customers(typed, 100).await.unwrap();
        lines.iter().any(|line| line.id == id)
    };
    for typed in
        ["соколова", "АЛЕНА сок", "игор алё соколова", "cjrjkjdf", "fktyf cjr", "89162040000", "8 (916) 204", "9162040"]
    {
        assert!(found(typed).await, "{typed}");
    }
    for typed in ["соколов пётр алёна", "колова", "8 916 205", "", "-", "'", "%", "12"] {
        assert!(!found(typed).await, "{typed}");
    }
    let someone = store.search_customers("а", 1).await.unwrap().remove(0);
    let number = someone.account.unwrap();
    let by_account = store.search_customers(&number.reveal()[..8], 5).await.unwrap();
    assert!(by_account.iter().any(|line| line.id == someone.id));
}

async fn a_login_belongs_to_one_person(store: Store) {
    let user = NewUser {
        login: "anna".into(),
        name: "Анна Котова".into(),
        role: Role::Supervisor,
        phone: None,
        password_hash: "$argon2id$one".into(),
    };
    let id = store.add_user(user.clone(), NOW).await.unwrap();
    let taken = store.add_user(user, NOW).await;
    assert!(matches!(taken, Err(SaveError::Taken)), "{taken:?}");
    store.set_password_hash(id, "$argon2id$two").await.unwrap();
    store.set_user_phone("anna", Some("201")).await.unwrap();
    store.set_user_disabled("anna", true).await.unwrap();
    let kept = store.user_by_login("anna").await.unwrap().unwrap();
    assert_eq!(
        (kept.profile.id, kept.profile.role, kept.profile.phone.as_deref()),
        (id, Role::Supervisor, Some("201"))
    );
    assert_eq!((kept.password_hash.as_str(), kept.disabled), ("$argon2id$two", true));
    assert!(!format!("{kept:?}").contains("argon2"));
    assert_eq!(store.users().await.unwrap().len(), 1);
    assert!(store.user_by_login("ANNA").await.unwrap().is_none());
    let nobody = store.set_user_disabled("ben", true).await;
    assert!(matches!(nobody, Err(SaveError::NotFound { what: "user" })), "{nobody:?}");
}

async fn a_sip_phone_keeps_its_secrets_halves(store: Store) {
    let phone = PhoneRow { number: "201".into(), ha1_md5: [7; 16], ha1_sha256: [9; 32], md5_only: true, agent: None };
    assert!(store.phones().await.unwrap().is_empty());
    store.add_phone(&phone).await.unwrap();
    store.add_phone(&PhoneRow { ha1_md5: [8; 16], md5_only: false, ..phone }).await.unwrap();
    let kept = store.phones().await.unwrap();
    assert_eq!((kept.len(), kept[0].ha1_md5, kept[0].ha1_sha256, kept[0].md5_only), (1, [8; 16], [9; 32], false));
    store.remove_phone("201").await.unwrap();
    let gone = store.remove_phone("201").await;
    assert!(matches!(gone, Err(SaveError::NotFound { what: "phone" })), "{gone:?}");
}
