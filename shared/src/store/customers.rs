//! Finding a customer, making one, giving one a number.

use serde_json::json;
use uuid::Uuid;

use crate::domain::agent::AgentProfile;
use crate::domain::customer::{ContactKind, CustomerLine, NewCustomer};
use crate::domain::fold::{fold, repair_layout, words};
use crate::ids::CustomerId;
use crate::phone::Phone;
use crate::time::UtcMs;

use super::interactions::code;
use super::unit::{Once, Unit};
use super::{Lane, SaveError, Store, StoreError};

const LONGEST_LIST: u16 = 100;
/// Fewer digits than this are the beginning of too many numbers.
const FEWEST_DIGITS: usize = 3;

impl Store {
    /// Finds customers as one types: the account's number, the phone's digits, or the beginnings of the name's
    /// words in any order. A forgotten keyboard layout is repaired when nothing else is found.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn search_customers(&self, typed: &str, limit: u16) -> Result<Vec<CustomerLine>, StoreError> {
        let limit = limit.clamp(1, LONGEST_LIST);
        if !typed.chars().any(char::is_alphabetic) {
            let found = self.search_digits(typed, limit).await?;
            if !found.is_empty() {
                return Ok(found);
            }
        }
        let found = self.search_words(typed, limit).await?;
        match repair_layout(typed) {
            Some(repaired) if found.is_empty() => self.search_words(&repaired, limit).await,
            _ => Ok(found),
        }
    }

    async fn search_digits(&self, typed: &str, limit: u16) -> Result<Vec<CustomerLine>, StoreError> {
        let digits: String = typed.chars().filter(char::is_ascii_digit).collect();
        if digits.len() < FEWEST_DIGITS {
            return Ok(Vec::new());
        }
        let (phone_from, phone_to) = phone_range(typed, &digits);
        let account_to = format!("{digits}{}", char::MAX);
        let args = [digits.into(), account_to.into(), phone_from.into(), phone_to.into(), i64::from(limit).into()];
        Ok(self.fetch(Lane::Records, self.sql().search_by_digits, args).await?.unwrap_or_default())
    }

    async fn search_words(&self, typed: &str, limit: u16) -> Result<Vec<CustomerLine>, StoreError> {
        let folded = fold(typed);
        let list: Vec<&str> = words(&folded).collect();
        // The longest word is the beginning of the fewest names.
        let Some(rarest) = list.iter().max_by_key(|word| word.chars().count()) else { return Ok(Vec::new()) };
        let args = [
            (*rarest).into(),
            format!("{rarest}{}", char::MAX).into(),
            json!(list).to_string().into(),
            i64::from(limit).into(),
        ];
        Ok(self.fetch(Lane::Records, self.sql().search_by_words, args).await?.unwrap_or_default())
    }

    /// Makes a customer during a call; `link_phone` is the caller's number when the operator wants it remembered.
    ///
    /// # Errors
    /// When it was not saved.
    pub async fn create_customer(
        &self,
        key: Uuid,
        agent: &AgentProfile,
        customer: &NewCustomer,
        link_phone: Option<Phone>,
        now: UtcMs,
    ) -> Result<CustomerId, SaveError> {
        let once =
            Once::new(key, "create_customer", agent.id, &(customer, link_phone), now).map_err(StoreError::from)?;
        let id: CustomerId = self.mint(now);
        let name_key = fold(customer.name.reveal());
        let row = json!([{
            "id": id, "kind": customer.kind, "name": customer.name, "name_key": name_key,
            "address": customer.address, "updated_at": now,
        }]);
        let mut unit = Unit::once(once, id.0)
            .then(self.sql().insert_customer, [row.to_string().into()])
            .then(self.sql().insert_words, [word_rows(id, &name_key).into()]);
        let linked = link_phone.map(|phone| (phone, ContactKind::Linked));
        let given = customer.phone.map(|phone| (phone, ContactKind::Mobile));
        for (phone, kind) in given.into_iter().chain(linked) {
            unit = unit.then(self.sql().link_phone, self.contact_point(id, phone, kind)?);
        }
        self.commit(unit).await.map(CustomerId)
    }

    /// The number becomes one of the customer's.
    ///
    /// # Errors
    /// When there is no such customer, or it was not saved.
    pub async fn link_phone(
        &self,
        key: Uuid,
        agent: &AgentProfile,
        customer: CustomerId,
        phone: Phone,
        now: UtcMs,
    ) -> Result<(), SaveError> {
        let once = Once::new(key, "link_phone", agent.id, &(customer, phone), now).map_err(StoreError::from)?;
        let unit = Unit::once(once, customer.0)
            .must("customer", self.sql().touch_customer, [customer.0.into(), now.into()])
            .then(self.sql().link_phone, self.contact_point(customer, phone, ContactKind::Linked)?);
        self.commit(unit).await.map(|_| ())
    }

    fn contact_point(
        &self,
        customer: CustomerId,
        phone: Phone,
        kind: ContactKind,
    ) -> Result<[super::unit::Arg; 3], StoreError> {
        Ok([customer.0.into(), phone.e164().into(), code(&kind)?.into()])
    }
}

/// The rows of the index of words for one name.
pub(super) fn word_rows(customer: CustomerId, name_key: &str) -> String {
    let mut list: Vec<&str> = words(name_key).collect();
    list.sort_unstable();
    list.dedup();
    let rows: Vec<_> = list.into_iter().map(|word| json!({ "word": word, "customer": customer })).collect();
    json!(rows).to_string()
}

/// The E.164 numbers that begin with what was typed; an empty range when it cannot be the beginning of one.
fn phone_range(typed: &str, digits: &str) -> (i64, i64) {
    const NONE: (i64, i64) = (0, -1);
    if let Some(phone) = Phone::parse(typed) {
        return (phone.e164(), phone.e164());
    }
    let national = match digits.as_bytes() {
        [b'7' | b'8', ..] => &digits[1..],
        _ => digits,
    };
    if national.len() < FEWEST_DIGITS || national.len() > 10 {
        return NONE;
    }
    let Ok(beginning) = format!("7{national}").parse::<i64>() else { return NONE };
    let open = 10_i64.pow(10 - national.len() as u32);
    (beginning * open, beginning * open + open - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_a_number_is_a_range_of_numbers() {
        assert_eq!(phone_range("8 916 2", "89162"), (79_162_000_000, 79_162_999_999));
        assert_eq!(phone_range("9162", "9162"), (79_162_000_000, 79_162_999_999));
        assert_eq!(phone_range("8 (916) 204-00-00", "89162040000"), (79_162_040_000, 79_162_040_000));
        assert_eq!(phone_range("81", "81"), (0, -1));
    }
}
