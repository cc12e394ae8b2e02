//! One patient HTTP client: one connection at a time, every wait with its limit and an ear for the wish to stop, no redirects.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use data_encoding::BASE64;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_rustls::TlsConnector;

use super::server::{Auth, Secret, Server, Target};
use super::{PacsError, multipart};
use crate::tasks::Cancel;

/// Longest wait for a connection; a server that is there answers sooner.
const CONNECT: Duration = Duration::from_secs(10);
/// How soon the wish to stop is heard.
const LISTEN: Duration = Duration::from_millis(50);

pub(super) struct Client<'a> {
    server: &'a Server,
    target: Target,
    authorization: Option<HeaderValue>,
    tls: Option<TlsConnector>,
    cancel: &'a Cancel,
    open: Option<SendRequest<Empty<Bytes>>>,
}

/// Runs network work of one job on the thread that called.
///
/// # Errors
/// The work's, or the system's refusal to watch sockets.
pub(super) fn block_on<T>(server: &str, work: impl Future<Output = Result<T, PacsError>>) -> Result<T, PacsError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| PacsError::Unreachable { server: server.to_owned(), reason: e.to_string() })?;
    let result = runtime.block_on(work);
    // A name that is being looked up must not keep a cancelled job from ending.
    runtime.shutdown_background();
    result
}

impl<'a> Client<'a> {
    pub(super) fn new(server: &'a Server, secret: Option<&Secret>, cancel: &'a Cancel) -> Result<Self, PacsError> {
        let target = server.target()?;
        let authorization = match (&server.auth, secret) {
            (Auth::None, _) => None,
            (_, None) => return Err(server.wrong("it wants a password or token and none was given")),
            (Auth::Basic { user }, Some(secret)) => {
                let pair = zeroize::Zeroizing::new(format!("{}:{}", user.reveal(), secret.reveal()));
                Some(format!("Basic {}", BASE64.encode(pair.as_bytes())))
            }
            (Auth::Bearer, Some(secret)) => Some(format!("Bearer {}", secret.reveal())),
        };
        let authorization = match authorization.map(|text| HeaderValue::from_str(&text)) {
            None => None,
            Some(Ok(mut value)) => {
                value.set_sensitive(true);
                Some(value)
            }
            Some(Err(_)) => return Err(server.wrong("the token holds signs that a token cannot hold")),
        };
        let tls = if target.tls { Some(connector(server)?) } else { None };
        Ok(Self { server, target, authorization, tls, cancel, open: None })
    }

    pub(super) const fn server(&self) -> &Server {
        self.server
    }

    pub(super) fn broken(&self, reason: impl Into<String>) -> PacsError {
        PacsError::Protocol { server: self.server.name.clone(), reason: reason.into() }
    }

    /// Asks for a path under the service's base. An empty answer (204) gives `None`.
    pub(super) async fn get(&mut self, path: &str, accept: &str) -> Result<Option<Response<Incoming>>, PacsError> {
        let mut response = None;
        if let Some(mut kept) = self.open.take().filter(|s| !s.is_closed()) {
            // A connection that was kept may have ended meanwhile; the second try has a fresh one.
            response = self.ask(&mut kept, path, accept).await?.ok();
            self.open = response.is_some().then_some(kept);
        }
        let response = match response {
            Some(response) => response,
            None => {
                let mut fresh = self.connect().await?;
                let answer = self.ask(&mut fresh, path, accept).await?;
                self.open = Some(fresh);
                answer.map_err(|e| self.broken(reason_of(&e)))?
            }
        };
        let server = self.server.name.clone();
        match response.status() {
            StatusCode::NO_CONTENT => Ok(None),
            status if status.is_success() => Ok(Some(response)),
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                Err(PacsError::NotAllowed { server, status: status.as_u16() })
            }
            status => Err(PacsError::Status { server, status: status.as_u16() }),
        }
    }

    /// Sends one request; the inner error is the connection's.
    async fn ask(
        &self,
        sender: &mut SendRequest<Empty<Bytes>>,
        path: &str,
        accept: &str,
    ) -> Result<Result<Response<Incoming>, hyper::Error>, PacsError> {
        let address =
            if self.target.host.contains(':') { format!("[{}]", self.target.host) } else { self.target.host.clone() };
        let mut request = Request::get(format!("{}{path}", self.target.base))
            .header(HOST, format!("{address}:{}", self.target.port))
            .header(USER_AGENT, "Shoken")
            .header(ACCEPT, accept);
        if let Some(value) = &self.authorization {
            request = request.header(AUTHORIZATION, value.clone());
        }
        let request = request.body(Empty::new()).map_err(|_| self.server.wrong("the url cannot be asked"))?;
        self.within(self.server.timeout, async {
            match sender.ready().await {
                Ok(()) => sender.send_request(request).await,
                Err(e) => Err(e),
            }
        })
        .await
    }

    async fn connect(&self) -> Result<SendRequest<Empty<Bytes>>, PacsError> {
        let unreachable = |reason: String| PacsError::Unreachable { server: self.server.name.clone(), reason };
        let limit = CONNECT.min(self.server.timeout);
        let tcp = self.within(limit, TcpStream::connect((self.target.host.as_str(), self.target.port))).await?;
        let tcp = tcp.map_err(|e| unreachable(e.kind().to_string()))?;
        tcp.set_nodelay(true).ok();
        let Some(tls) = &self.tls else { return self.handshake(TokioIo::new(tcp)).await };
        let name = ServerName::try_from(self.target.host.clone())
            .map_err(|_| self.server.wrong("the url's host is no name"))?;
        let stream = self.within(limit, tls.connect(name, tcp)).await?;
        self.handshake(TokioIo::new(stream.map_err(|e| self.untrusted(&e))?)).await
    }

    async fn handshake<S>(&self, stream: S) -> Result<SendRequest<Empty<Bytes>>, PacsError>
    where
        S: hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
    {
        let made = self.within(self.server.timeout, http1::handshake(stream)).await?;
        let (sender, connection) = made.map_err(|e| self.broken(reason_of(&e)))?;
        tokio::spawn(async move {
            // What goes wrong is told where it was asked for.
            connection.await.ok();
        });
        Ok(sender)
    }

    fn untrusted(&self, error: &std::io::Error) -> PacsError {
        use rustls::CertificateError as C;
        let server = self.server.name.clone();
        let inner = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
        let reason = match inner {
            Some(rustls::Error::InvalidCertificate(why)) => match why {
                C::Expired | C::ExpiredContext { .. } => "its certificate has expired",
                C::NotValidYet | C::NotValidYetContext { .. } => {
                    "its certificate is not valid yet (or this computer's clock is wrong)"
                }
                C::NotValidForName | C::NotValidForNameContext { .. } => "its certificate is for another computer",
                C::UnknownIssuer => "its certificate is from an authority that is not trusted here",
                C::Revoked => "its certificate was revoked",
                _ => "its certificate is not valid",
            },
            _ => "the encrypted connection could not be made",
        };
        PacsError::NotTrusted { server, reason: reason.to_owned() }
    }

    /// Reads a short answer whole.
    pub(super) async fn whole(&self, response: Response<Incoming>, limit: usize) -> Result<Vec<u8>, PacsError> {
        let mut body = response.into_body();
        let mut out = Vec::new();
        while let Some(bytes) = self.next(&mut body).await? {
            if out.len() + bytes.len() > limit {
                return Err(PacsError::TooMuch { what: "the list that the PACS sent, in bytes", limit: limit as u64 });
            }
            out.extend_from_slice(&bytes);
        }
        Ok(out)
    }

    /// The next bytes of an answer; `None` at its end.
    pub(super) async fn next(&self, body: &mut Incoming) -> Result<Option<Bytes>, PacsError> {
        loop {
            match self.within(self.server.timeout, body.frame()).await? {
                None => return Ok(None),
                Some(Err(e)) => return Err(self.broken(reason_of(&e))),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
            }
        }
    }

    /// The boundary of a multipart answer.
    pub(super) fn boundary(&self, response: &Response<Incoming>) -> Result<String, PacsError> {
        multipart::boundary(content_type(response)).map_err(|reason| self.broken(reason))
    }

    async fn within<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Result<T, PacsError> {
        let deadline = Instant::now() + limit;
        let mut tick = tokio::time::interval(LISTEN);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        tokio::pin!(work);
        loop {
            tokio::select! {
                _ = tick.tick() => {
                    self.cancel.check().map_err(|_| PacsError::Cancelled)?;
                    if Instant::now() >= deadline {
                        return Err(PacsError::TimedOut { server: self.server.name.clone(), seconds: limit.as_secs() });
                    }
                }
                done = &mut work => return Ok(done),
            }
        }
    }
}

pub(super) fn content_type(response: &Response<Incoming>) -> &str {
    response.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default()
}

/// hyper's own words, which hold no address.
fn reason_of(error: &hyper::Error) -> String {
    if error.is_incomplete_message() || error.is_body_write_aborted() {
        return "the connection ended early".to_owned();
    }
    error.to_string()
}

fn connector(server: &Server) -> Result<TlsConnector, PacsError> {
    let mut roots = rustls::RootCertStore::empty();
    if let Some(path) = &server.ca_file {
        let unreadable = |e: rustls::pki_types::pem::Error| {
            server.wrong(format!("ca_file {} cannot be read as PEM certificates ({e})", path.display()))
        };
        for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
            let certificate = certificate.map_err(unreadable)?;
            roots.add(certificate).map_err(|e| server.wrong(format!("ca_file {}: {e}", path.display())))?;
        }
        if roots.is_empty() {
            return Err(server.wrong(format!("ca_file {} holds no certificate", path.display())));
        }
    } else {
        // Certificates of the system that rustls cannot read are passed over, as browsers do.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| server.wrong(e.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
