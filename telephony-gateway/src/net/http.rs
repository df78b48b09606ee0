//! The records beside the socket, and the one listener for both. The routes are those of [`shared::wire::http`].
//!
//! Each answer that is no success carries a [`Problem`]: a stable code and one sentence. Who looks at a customer is
//! in the audit before the answer leaves.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{ConnectInfo, DefaultBodyLimit, FromRequestParts, Path, Query, Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use axum_server::Handle;
use axum_server::accept::DefaultAcceptor;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Deserialize;
use shared::domain::agent::Role;
use shared::domain::customer::CustomerLine;
use shared::domain::interaction::HistoryPage;
use shared::ids::{CallId, CustomerId};
use shared::store::{AuditAction, AuditRow};
use shared::time::Clock;
use shared::wire::card::Card;
use shared::wire::http::{HistoryQuery, Problem, SignIn, SignedIn};
use tokio::sync::Semaphore;

use super::BindError;
use super::auth::{Session, SignInError};
use super::descriptors;
use super::desk::{DeskDoor, LONGEST_MESSAGE};
use super::health::Phase;
use super::places::{Places, Seated};
use super::records::{Records, RecordsError};
use super::tls::Identity;
use crate::shutdown::Tasks;
use crate::switchboard::event::Event;

const LONGEST_BODY: usize = 64 * 1024;
/// What desks say is short. The whole buffer is cleared before each reading, and each desk has one.
const READ_BUFFER: usize = 4 * 1024;
const LONGEST_SEARCH: usize = 100;
const SEARCH_LINES: u16 = 20;
/// Control sockets that have not said hello yet.
const UNKNOWN_DESKS: usize = 200;
/// A connection on which no whole request comes for so long is closed.
const REQUEST_WITHIN: Duration = Duration::from_secs(10);
/// A request whose body drips in, or whose answer nobody finds, ends after so long.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// Connections at once; fewer where the system gives few descriptors.
const CONNECTIONS: usize = 4000;
/// How long answers may take to leave when the service ends.
const LAST_ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// Everything the desks' door needs. Cheap to clone.
#[derive(Clone)]
pub struct HttpDoor {
    pub desk: DeskDoor,
    pub records: Arc<dyn Records>,
    pub metrics: PrometheusHandle,
    tasks: Tasks,
    unknown_desks: Arc<Semaphore>,
    last_connection: Arc<AtomicU64>,
}

impl HttpDoor {
    pub fn new(desk: DeskDoor, records: Arc<dyn Records>, metrics: PrometheusHandle, tasks: &Tasks) -> Self {
        Self {
            desk,
            records,
            metrics,
            tasks: tasks.clone(),
            unknown_desks: Arc::new(Semaphore::new(UNKNOWN_DESKS)),
            last_connection: Arc::default(),
        }
    }

    /// Listens for desks, with TLS when there is an identity. Gives the address bound.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub fn open(self, address: SocketAddr, identity: Option<&Identity>) -> Result<SocketAddr, BindError> {
        let failed = |source| BindError { what: "desks", address, source };
        let listener = std::net::TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let local = listener.local_addr().map_err(failed)?;
        let handle = Handle::new();
        let places = Places::new(descriptors::for_desks(CONNECTIONS));
        let tasks = self.tasks.clone();
        let service = router(self).into_make_service_with_connect_info::<SocketAddr>();
        let serving = match identity {
            Some(identity) => {
                let tls = RustlsConfig::from_config(Arc::clone(&identity.config));
                let then = RustlsAcceptor::new(tls).acceptor(Seated { places, then: DefaultAcceptor::new() });
                let mut server = axum_server::from_tcp(listener).map_err(failed)?.acceptor(then);
                server.http_builder().http1().header_read_timeout(REQUEST_WITHIN);
                let server = server.handle(handle.clone()).first_request_timeout(REQUEST_WITHIN);
                futures_util::future::Either::Left(server.serve(service))
            }
            None => {
                let then = Seated { places, then: DefaultAcceptor::new() };
                let mut server = axum_server::from_tcp(listener).map_err(failed)?.acceptor(then);
                server.http_builder().http1().header_read_timeout(REQUEST_WITHIN);
                let server = server.handle(handle.clone()).first_request_timeout(REQUEST_WITHIN);
                futures_util::future::Either::Right(server.serve(service))
            }
        };
        tracing::info!(%local, tls = identity.is_some(), "the desks' door is open");
        let token = tasks.token().clone();
        tasks.spawn("desks' door, closing", async move {
            token.cancelled().await;
            handle.graceful_shutdown(Some(LAST_ANSWERS_WITHIN));
        });
        tasks.spawn_vital("desks' door", async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, "the desks' door cannot be kept open");
            }
        });
        Ok(local)
    }
}

/// The routes, apart from any listener.
pub fn router(door: HttpDoor) -> Router {
    Router::new()
        .route("/v1/sign-in", post(sign_in))
        .route("/v1/sign-out", post(sign_out))
        .route("/v1/desk", get(desk))
        .route("/v1/customers", get(search))
        .route("/v1/customers/{id}/card", get(card))
        .route("/v1/customers/{id}/history", get(history))
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .fallback(|| async { Refused::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this address") })
        .method_not_allowed_fallback(|| async {
            Refused::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this address takes another method")
        })
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .layer(axum::middleware::from_fn(in_time))
        .with_state(door)
}

async fn in_time(request: Request, next: Next) -> Response {
    tokio::time::timeout(ANSWER_WITHIN, next.run(request)).await.unwrap_or_else(|_| {
        metrics::counter!("desk_requests_timed_out_total").increment(1);
        Refused::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "the request took too long").into_response()
    })
}

async fn sign_in(
    State(door): State<HttpDoor>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    body: Result<Json<SignIn>, JsonRejection>,
) -> Result<Private<SignedIn>, Refused> {
    let Json(SignIn { login, password }) = body?;
    if door.desk.health.phase() == Phase::Ending {
        return Err(shutting_down());
    }
    let now = Clock::utc();
    match door.desk.sessions.sign_in(&login, password, from.ip(), now).await {
        Ok(new) => {
            metrics::counter!("sign_ins_total", "outcome" => "in").increment(1);
            tracing::info!(agent.id = %new.session.profile.id, session = %new.session.id, from = %from.ip(), "signed in");
            door.desk.sessions.note(new.session.profile.id, AuditAction::SignedIn, now).await;
            for session in new.ended {
                tell(&door, Event::SignedOut { session }).await;
            }
            Ok(Private(new.signed_in))
        }
        Err(error) => {
            metrics::counter!("sign_ins_total", "outcome" => "refused").increment(1);
            Err(sign_in_refused(error, from.ip()))
        }
    }
}

fn sign_in_refused(error: SignInError, from: IpAddr) -> Refused {
    match error {
        SignInError::Wrong => {
            tracing::warn!(%from, "somebody could not sign in");
            Refused::new(StatusCode::UNAUTHORIZED, "wrong_password", "the login or the password is wrong")
        }
        SignInError::Wait { retry_after_s } => {
            tracing::warn!(%from, retry_after_s, "somebody guesses passwords");
            Refused::new(StatusCode::TOO_MANY_REQUESTS, "too_many_guesses", "too many wrong passwords; wait a little")
                .retry_after(retry_after_s)
        }
        SignInError::Records(RecordsError::Away(_)) => Refused::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "database_away",
            "the database is away; whoever signed in lately can do so with the same password, everybody else later",
        )
        .retry_after(2),
        SignInError::Records(error @ RecordsError::Refused(_)) => error.into(),
        SignInError::NoRandomness => {
            tracing::error!("the system gives no randomness");
            Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "signing in does not work at the moment")
        }
    }
}

async fn sign_out(State(door): State<HttpDoor>, caller: Caller) -> StatusCode {
    if let Some(session) = door.desk.sessions.sign_out(&caller.token).await {
        tracing::info!(agent.id = %caller.session.profile.id, %session, "signed out");
        door.desk.sessions.note(caller.session.profile.id, AuditAction::SignedOut, Clock::utc()).await;
        tell(&door, Event::SignedOut { session }).await;
    }
    StatusCode::NO_CONTENT
}

async fn desk(
    State(door): State<HttpDoor>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let Ok(unknown) = Arc::clone(&door.unknown_desks).try_acquire_owned() else {
        return Refused::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "too many desks connect at once")
            .retry_after(2)
            .into_response();
    };
    let connection = door.last_connection.fetch_add(1, Ordering::Relaxed) + 1;
    let upgrade = upgrade.max_message_size(LONGEST_MESSAGE).max_frame_size(LONGEST_MESSAGE);
    upgrade.read_buffer_size(READ_BUFFER).on_upgrade(async move |socket| {
        let life = door.desk.clone().serve(socket, connection, from.ip(), unknown);
        door.tasks.spawn("desk", life);
    })
}

#[derive(Deserialize)]
struct SearchQuery {
    q: String,
}

async fn search(
    State(door): State<HttpDoor>,
    caller: Caller,
    query: Result<Query<SearchQuery>, QueryRejection>,
) -> Result<Private<Vec<CustomerLine>>, Refused> {
    let Query(SearchQuery { q }) = query?;
    caller.needs(Role::Operator)?;
    if q.trim().is_empty() || q.chars().count() > LONGEST_SEARCH {
        return Err(invalid(format!("`q` must have between 1 and {LONGEST_SEARCH} characters")));
    }
    let lines = door.records.search_customers(&q, SEARCH_LINES).await?;
    door.records.audit(caller.looks(AuditAction::Searched, None, None)).await?;
    Ok(Private(lines))
}

#[derive(Deserialize)]
struct CardQuery {
    call: Option<CallId>,
}

async fn card(
    State(door): State<HttpDoor>,
    caller: Caller,
    id: Result<Path<CustomerId>, PathRejection>,
    query: Result<Query<CardQuery>, QueryRejection>,
) -> Result<Private<Card>, Refused> {
    let (Path(customer), Query(CardQuery { call })) = (id?, query?);
    caller.needs(Role::Operator)?;
    let card = door.records.card(customer).await?.ok_or_else(no_customer)?;
    door.records.audit(caller.looks(AuditAction::CardOpened, Some(customer), call)).await?;
    Ok(Private(card))
}

async fn history(
    State(door): State<HttpDoor>,
    caller: Caller,
    id: Result<Path<CustomerId>, PathRejection>,
    query: Result<Query<HistoryQuery>, QueryRejection>,
) -> Result<Private<HistoryPage>, Refused> {
    let (Path(customer), Query(query)) = (id?, query?);
    caller.needs(Role::Operator)?;
    if query.q.as_ref().is_some_and(|q| q.chars().count() > LONGEST_SEARCH) {
        return Err(invalid(format!("`q` must have at most {LONGEST_SEARCH} characters")));
    }
    let page = door.records.history(customer, &query).await?;
    door.records.audit(caller.looks(AuditAction::HistoryRead, Some(customer), None)).await?;
    Ok(Private(page))
}

async fn readyz(State(door): State<HttpDoor>) -> Response {
    let readiness = door.desk.health.readiness();
    let status = match readiness.phase {
        Phase::Ready => StatusCode::OK,
        Phase::Starting | Phase::Ending => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(readiness)).into_response()
}

async fn metrics(State(door): State<HttpDoor>) -> String {
    door.metrics.run_upkeep();
    door.metrics.render()
}

async fn tell(door: &HttpDoor, event: Event) {
    // When nobody listens any more, the service is ending and every desk goes anyway.
    let _ = door.desk.events.send(event).await;
}

/// The one who asks, by the bearer token.
struct Caller {
    token: String,
    session: Session,
}

impl Caller {
    /// Every role can do what the lower ones can.
    fn needs(&self, role: Role) -> Result<(), Refused> {
        if self.session.profile.role >= role {
            return Ok(());
        }
        Err(Refused::new(StatusCode::FORBIDDEN, "not_allowed", "this role may not do that"))
    }

    fn looks(&self, what: AuditAction, customer: Option<CustomerId>, call: Option<CallId>) -> AuditRow {
        AuditRow { at: Clock::utc(), agent: self.session.profile.id, what, customer, call }
    }
}

impl FromRequestParts<HttpDoor> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, door: &HttpDoor) -> Result<Self, Refused> {
        let signed_out = || Refused::new(StatusCode::UNAUTHORIZED, "signed_out", "sign in first");
        let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or_else(signed_out)?;
        let (scheme, token) = header.split_once(' ').ok_or_else(signed_out)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(signed_out());
        }
        let token = token.trim().to_owned();
        let session = door.desk.sessions.check(&token, Clock::utc()).ok_or_else(signed_out)?;
        Ok(Self { token, session })
    }
}

/// JSON about a person: nobody on the way keeps it.
struct Private<T>(T);

impl<T: serde::Serialize> IntoResponse for Private<T> {
    fn into_response(self) -> Response {
        ([(CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(self.0)).into_response()
    }
}

/// An answer that is no success.
#[derive(Debug)]
struct Refused {
    status: StatusCode,
    problem: Problem,
}

impl Refused {
    fn new(status: StatusCode, code: &str, text: impl Into<String>) -> Self {
        Self { status, problem: Problem { code: code.to_owned(), text: text.into(), retry_after_s: None } }
    }

    fn retry_after(mut self, seconds: u64) -> Self {
        self.problem.retry_after_s = Some(seconds);
        self
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let retry_after = self.problem.retry_after_s;
        let mut response = (self.status, Json(self.problem)).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<RecordsError> for Refused {
    fn from(error: RecordsError) -> Self {
        match &error {
            RecordsError::Away(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "database_away", "the database is away; try again shortly")
                    .retry_after(2)
            }
            RecordsError::Refused(source) => {
                tracing::error!(error = %source, "the database refused a question of a desk");
                Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal",
                    "the gateway could not do that; its log says why",
                )
            }
        }
    }
}

impl From<JsonRejection> for Refused {
    fn from(rejection: JsonRejection) -> Self {
        // The rejection's own words could quote what was typed.
        let (status, text) = match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => (StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body must be JSON"),
            _ => (StatusCode::BAD_REQUEST, "the body cannot be read"),
        };
        Self::new(status, "invalid", text)
    }
}

impl From<PathRejection> for Refused {
    fn from(_: PathRejection) -> Self {
        no_customer()
    }
}

impl From<QueryRejection> for Refused {
    fn from(_: QueryRejection) -> Self {
        invalid("the query cannot be read")
    }
}

fn invalid(text: impl Into<String>) -> Refused {
    Refused::new(StatusCode::BAD_REQUEST, "invalid", text)
}

fn no_customer() -> Refused {
    Refused::new(StatusCode::NOT_FOUND, "no_such_customer", "there is no such customer")
}

fn shutting_down() -> Refused {
    Refused::new(StatusCode::SERVICE_UNAVAILABLE, "shutting_down", "the gateway is ending").retry_after(5)
}

#[cfg(test)]
mod tests;
