//! A web service with axum: each request is a unit of work, which is rolled back if the client disconnects.
//!
//! `cargo run -p selfsame-ci --example axum_users [URL]`, then `curl -X POST localhost:3000/users/ann; curl localhost:3000/users`

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use selfsame::prelude::*;

#[derive(Entity, Clone, Debug)]
#[orm(table = "users")]
pub(crate) struct User {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(unique)]
    pub(crate) name: String,
}

/// Creates the routes. An engine is cheap to clone: each request gets one.
pub(crate) fn app(engine: Engine) -> Router {
    Router::new()
        .route("/users", get(list))
        .route("/users/{name}", post(add).delete(remove))
        .with_state(engine)
}

async fn list(State(engine): State<Engine>) -> Result<String, Failure> {
    let names = |session: &mut Session| {
        let names = User::query().order_by(User::NAME.asc()).select(User::NAME);
        names.all(session)
    };
    Ok(engine.run(names).await?.join("\n"))
}

async fn add(
    State(engine): State<Engine>,
    Path(name): Path<String>,
) -> Result<StatusCode, Failure> {
    let work = |session: &mut Session| {
        session.add(User::new(name));
        Ok(())
    };
    engine.run(work).await?;
    Ok(StatusCode::CREATED)
}

async fn remove(
    State(engine): State<Engine>,
    Path(name): Path<String>,
) -> Result<StatusCode, Failure> {
    let work = |session: &mut Session| {
        let user = User::query().filter(User::NAME.eq(name)).one(session)?;
        session.delete(user)
    };
    engine.run(work).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reports an error to a client: its kind as a status, without its text.
struct Failure(Error);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = match self.0.kind() {
            ErrorKind::NoRow => StatusCode::NOT_FOUND,
            ErrorKind::UniqueViolation | ErrorKind::StaleData => StatusCode::CONFLICT,
            ErrorKind::PoolTimeout | ErrorKind::Busy => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if status.is_server_error() {
            eprintln!("{}", self.0);
        }
        status.into_response()
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1);
    let engine = Engine::from_url(
        url.as_deref().unwrap_or("sqlite:users.db"),
        &[&selfsame_sqlite::SCHEME, &selfsame_postgres::SCHEME],
    )?;
    metadata![User].create_all(&engine)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
        axum::serve(listener, app(engine)).await
    })?;
    Ok(())
}
