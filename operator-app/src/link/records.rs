//! Reads customers, cards and history over HTTP, beside the socket.

use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;
use shared::domain::customer::CustomerLine;
use shared::domain::interaction::HistoryPage;
use shared::ids::{CallId, CustomerId};
use shared::pii::Secret;
use shared::wire::card::Card;
use shared::wire::http::{HistoryQuery, Problem};

use super::address::Address;
use crate::perform::HistoryAsk;
use crate::state::Failure;

#[derive(Clone, Debug)]
pub struct Records {
    client: reqwest::Client,
    address: Address,
    token: Secret,
}

impl Records {
    pub const fn new(client: reqwest::Client, address: Address, token: Secret) -> Self {
        Self { client, address, token }
    }

    /// # Errors
    /// Why nothing could be read.
    pub async fn search(&self, text: &str) -> Result<Vec<CustomerLine>, Failure> {
        self.get("/v1/customers", &[("q", text)]).await
    }

    /// # Errors
    /// Why nothing could be read.
    pub async fn card(&self, customer: CustomerId, call: Option<CallId>) -> Result<Card, Failure> {
        let call: Vec<(&str, String)> = call.iter().map(|call| ("call", call.to_string())).collect();
        self.get(&format!("/v1/customers/{customer}/card"), &call).await
    }

    /// # Errors
    /// Why nothing could be read.
    pub async fn history(&self, ask: &HistoryAsk) -> Result<HistoryPage, Failure> {
        let text = ask.filter.text.trim();
        let query = HistoryQuery {
            before_at: ask.after.map(|cursor| cursor.started_at),
            before_id: ask.after.map(|cursor| cursor.id),
            q: (!text.is_empty()).then(|| text.to_owned()),
            channel: ask.filter.channel,
            limit: None,
        };
        self.get(&format!("/v1/customers/{}/history", ask.customer), &query).await
    }

    /// The token dies. Nobody waits long for it: it would die by itself.
    pub async fn sign_out(&self) {
        let asked = self.client.post(self.address.http("/v1/sign-out")).bearer_auth(self.token.expose());
        if let Err(error) = asked.timeout(std::time::Duration::from_secs(1)).send().await {
            tracing::warn!(%error, "the gateway did not hear the signing out");
        }
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &(impl serde::Serialize + ?Sized),
    ) -> Result<T, Failure> {
        let asked = self.client.get(self.address.http(path)).bearer_auth(self.token.expose()).query(query);
        let answer = asked.send().await.map_err(|_| Failure::Unreachable)?;
        if answer.status().is_success() {
            return answer.json().await.map_err(|_| Failure::Other { code: "unreadable".into() });
        }
        Err(failure(answer).await)
    }
}

async fn failure(answer: Response) -> Failure {
    let status = answer.status();
    match status {
        StatusCode::NOT_FOUND => Failure::NotFound,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Failure::NotAllowed,
        StatusCode::SERVICE_UNAVAILABLE => Failure::DatabaseAway,
        _ => {
            let code = answer.json::<Problem>().await.map_or_else(|_| status.to_string(), |problem| problem.code);
            Failure::Other { code }
        }
    }
}
