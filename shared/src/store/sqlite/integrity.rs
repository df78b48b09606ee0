//! What SQLite can say of its file; [`crate::store::integrity`] says what for.

use crate::store::StoreError;
use crate::store::integrity::{CUSTOMERS_WITHOUT_WORDS, Integrity, unfindable};

use super::Sqlite;

impl Sqlite {
    pub async fn check_integrity(&self) -> Result<Integrity, StoreError> {
        let mut faults: Vec<String> = sqlx::query_scalar("pragma integrity_check").fetch_all(&self.records).await?;
        faults.retain(|line| line != "ok");
        if self.load_broke_off().await? {
            faults.push("a load broke off in it: rows are missing".to_owned());
        }
        let orphans = sqlx::query_scalar::<_, String>("select \"table\" from pragma_foreign_key_check group by 1");
        for table in orphans.fetch_all(&self.records).await? {
            faults.push(format!("`{table}` names rows which are not there"));
        }
        // In a file that has another schema, or none, this is not asked; the schema is looked at apart.
        let has_words = "select count(*) = 2 from sqlite_schema where name in ('customer', 'customer_word')";
        if sqlx::query_scalar(has_words).fetch_one(&self.records).await? {
            faults.extend(unfindable(sqlx::query_scalar(CUSTOMERS_WITHOUT_WORDS).fetch_one(&self.records).await?));
        }
        Ok(Integrity { faults, unexamined: Vec::new() })
    }
}
