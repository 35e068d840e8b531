//! Listeners of `--listen`, and their TLS.
use std::fs;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use clap::Args;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::cli::authority::{Authority, AuthorityError};
use crate::cli::outcome::Failure;
use crate::cli::serve::address::usable;
use crate::server::Listener;
use crate::server::tls::{Identity, acceptor};

/// Options about listeners and TLS.
#[derive(Debug, Args)]
pub(super) struct Listening {
    /// Address to listen on, instead of `--host` and `--port`; may be repeated
    ///
    /// `http://127.0.0.1:4010`, `https://localhost:4443` for TLS with HTTP/2 and HTTP/1.1, or
    /// `unix:/run/standin.sock` for a socket in the file system. Port 0 picks a free one. `localhost` is both
    /// `127.0.0.1` and `[::1]`.
    #[arg(
        long,
        value_name = "URL",
        value_parser = ListenAddress::parse,
        conflicts_with_all = ["host", "port"],
        env = "STANDIN_LISTEN",
        hide_env = true,
        hide_short_help = true,
        value_delimiter = ','
    )]
    pub(super) listen: Vec<ListenAddress>,
    /// PEM file with the certificate for `https` listeners, and its intermediate certificates
    ///
    /// Without it, a local certificate authority in the user's folder signs one for `localhost`,
    /// `*.localhost`, `127.0.0.1`, `::1` and each `--tls-name`. `standin cert` says how clients trust it.
    #[arg(
        long,
        value_name = "FILE",
        requires = "tls_key",
        env = "STANDIN_TLS_CERT",
        hide_env = true,
        hide_short_help = true
    )]
    tls_cert: Option<PathBuf>,
    /// PEM file with the private key of `--tls-cert`
    #[arg(
        long,
        value_name = "FILE",
        requires = "tls_cert",
        env = "STANDIN_TLS_KEY",
        hide_env = true,
        hide_short_help = true
    )]
    tls_key: Option<PathBuf>,
    /// Another name or IP address for the certificate of the local authority; may be repeated
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "tls_cert",
        env = "STANDIN_TLS_NAME",
        hide_env = true,
        hide_short_help = true,
        value_delimiter = ','
    )]
    pub(super) tls_name: Vec<String>,
    /// PEM file of certificate authorities; clients of `https` listeners then need a certificate of one
    #[arg(
        long,
        value_name = "FILE",
        env = "STANDIN_TLS_CLIENT_CA",
        hide_env = true,
        hide_short_help = true
    )]
    tls_client_ca: Option<PathBuf>,
}

/// Address that a server listens on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ListenAddress {
    /// Host and port for plain HTTP.
    Plain(String, u16),
    /// Host and port for TLS.
    Secured(String, u16),
    /// File of a socket.
    Local(PathBuf),
}

/// Reason why TLS cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsError {
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error("cannot read `{}`: {error}", file.display())]
    Unreadable { file: PathBuf, error: io::Error },
    #[error("`{}` has no {wanted} in PEM: {why}", file.display())]
    Malformed {
        file: PathBuf,
        wanted: &'static str,
        why: String,
    },
    #[error("the certificate cannot be used: {0}")]
    Unusable(String),
}

impl ListenAddress {
    /// Parses `http://HOST:PORT`, `https://HOST:PORT` or `unix:PATH`.
    ///
    /// # Errors
    ///
    /// Returns what was expected.
    fn parse(text: &str) -> Result<Self, String> {
        const EXPECTED: &str = "expected `http://127.0.0.1:4010`, `https://localhost:4443` or `unix:/run/standin.sock`";
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if cfg!(not(unix)) {
                return Err("this system has no sockets in the file system".to_owned());
            }
            return match path {
                "" => Err(EXPECTED.to_owned()),
                path => Ok(Self::Local(PathBuf::from(path))),
            };
        }
        let (scheme, rest) = text.split_once("://").ok_or(EXPECTED)?;
        if !matches!(scheme, "http" | "https") {
            return Err(EXPECTED.to_owned());
        }
        let authority: http::uri::Authority = rest
            .strip_suffix('/')
            .unwrap_or(rest)
            .parse()
            .map_err(|_| EXPECTED.to_owned())?;
        if authority.as_str().contains('@') {
            return Err(EXPECTED.to_owned());
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let port = authority
            .port_u16()
            .ok_or("the port is missing, 0 picks a free one: `https://localhost:0`")?;
        match scheme {
            "http" => Ok(Self::Plain(host, port)),
            "https" => Ok(Self::Secured(host, port)),
            _ => Err(EXPECTED.to_owned()),
        }
    }

    /// Returns the host, if other machines might reach the address.
    pub(super) fn host(&self) -> Option<&str> {
        match self {
            Self::Plain(host, _) | Self::Secured(host, _) => Some(host),
            Self::Local(_) => None,
        }
    }

    fn is_secured(&self) -> bool {
        matches!(self, Self::Secured(..))
    }
}

/// Listener with the lines that say where it is.
pub(super) struct Bound {
    pub(super) listener: Listener,
    /// URL that clients use, unless it is among the others of another listener.
    pub(super) url: Option<String>,
    /// Other URLs that reach the same server.
    pub(super) others: Vec<String>,
    /// File of a socket, which is removed at the end.
    pub(super) file: Option<SocketFile>,
}

/// File of a socket, which is removed when it is dropped, unless another server has replaced it.
pub(super) struct SocketFile {
    path: PathBuf,
    identity: Option<FileIdentity>,
}

/// Device and number of a file, with the time at which it was made: numbers are used again.
type FileIdentity = (u64, u64, i64, i64);

impl SocketFile {
    /// Returns the file of a socket that was just made.
    #[cfg(unix)]
    fn of(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            identity: identity(path),
        }
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<FileIdentity> {
    use std::os::unix::fs::MetadataExt as _;
    let there = fs::symlink_metadata(path).ok()?;
    Some((there.dev(), there.ino(), there.mtime(), there.mtime_nsec()))
}

#[cfg(not(unix))]
fn identity(_path: &Path) -> Option<FileIdentity> {
    None
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.identity.is_some() && identity(&self.path) == self.identity {
            let _gone = fs::remove_file(&self.path);
        }
    }
}

impl Listening {
    /// Returns what accepts TLS connections, if a listener needs it.
    ///
    /// # Errors
    ///
    /// [`TlsError`], if a file cannot be read or used.
    pub(super) fn acceptor(&self) -> Result<Option<TlsAcceptor>, TlsError> {
        if !self.listen.iter().any(ListenAddress::is_secured) {
            return Ok(None);
        }
        let identity = match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => Identity {
                chain: certificates(certificate)?,
                key: private_key(key)?,
            },
            _ => Authority::of_user()?.identity(&self.names())?,
        };
        let clients = self.tls_client_ca.as_deref().map(certificates);
        let clients = clients.transpose()?.unwrap_or_default();
        acceptor(identity, clients)
            .map(Some)
            .map_err(TlsError::Unusable)
    }

    /// Returns the names of the certificate: those of the user, and the hosts of the listeners.
    fn names(&self) -> Vec<String> {
        let hosts = self.listen.iter().filter(|address| address.is_secured());
        let hosts = hosts.filter_map(ListenAddress::host);
        let hosts = hosts.filter(|host| !matches!(*host, "0.0.0.0" | "::"));
        let named = self.tls_name.iter().cloned();
        named.chain(hosts.map(str::to_owned)).collect()
    }

    /// Returns the options of TLS that have no effect without an `https` listener.
    pub(super) fn idle(&self) -> Vec<&'static str> {
        if self.listen.iter().any(ListenAddress::is_secured) {
            return Vec::new();
        }
        let given = [
            ("--tls-cert", self.tls_cert.is_some()),
            ("--tls-name", !self.tls_name.is_empty()),
            ("--tls-client-ca", self.tls_client_ca.is_some()),
        ];
        let given = given.into_iter().filter(|(_, is_given)| *is_given);
        given.map(|(name, _)| name).collect()
    }
}

/// Number of free ports that are tried until one is free on both loopback addresses.
const MOST_PORTS: usize = 16;

/// Listens on an address. `localhost` is both loopback addresses, as clients try either first; a machine may
/// have only one.
///
/// # Errors
///
/// [`Failure::Listen`], if the system refuses the address.
pub(super) async fn bind(
    address: &ListenAddress,
    tls: Option<&TlsAcceptor>,
) -> Result<Vec<Bound>, Failure> {
    let (scheme, host, port) = match address {
        ListenAddress::Plain(host, port) => ("http", host, *port),
        ListenAddress::Secured(host, port) => ("https", host, *port),
        ListenAddress::Local(file) => return Ok(vec![bind_file(file).await?]),
    };
    let listeners = if host.eq_ignore_ascii_case("localhost") {
        bind_loopback(port).await
    } else {
        let listener = TcpListener::bind((host.as_str(), port)).await;
        listener.map(|listener| vec![listener])
    };
    let listeners = listeners.map_err(|error| Failure::Listen {
        address: format!("{host}:{port}"),
        help: refusal(&error, host, port),
        error,
    })?;
    let mut all: Vec<Bound> = Vec::new();
    for listener in listeners {
        let bound = listener.local_addr()?;
        let url = format!("{scheme}://{bound}");
        let others = usable(bound).into_iter();
        let others = others.map(|there| format!("{scheme}://{there}")).collect();
        let listener = match (address, tls) {
            (ListenAddress::Secured(..), Some(tls)) => Listener::Secured(listener, tls.clone()),
            _ => Listener::Plain(listener),
        };
        // One option has one first line, whatever number of addresses it stands for.
        let (url, others) = match all.first_mut() {
            Some(first) => {
                first.others.push(url);
                (None, Vec::new())
            }
            None => (Some(url), others),
        };
        all.push(Bound {
            listener,
            url,
            others,
            file: None,
        });
    }
    Ok(all)
}

/// Listens on one port of `127.0.0.1` and `::1`, or of the one that the machine has.
async fn bind_loopback(port: u16) -> io::Result<Vec<TcpListener>> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let first = match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Err(error) if is_missing(&error) => {
                return Ok(vec![TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await?]);
            }
            first => first?,
        };
        let same = first.local_addr()?.port();
        match TcpListener::bind((Ipv6Addr::LOCALHOST, same)).await {
            Ok(second) => return Ok(vec![first, second]),
            Err(error) if is_missing(&error) => return Ok(vec![first]),
            // Another program may have the port that the system chose.
            Err(_) if port == 0 && attempts < MOST_PORTS => {}
            Err(error) => return Err(error),
        }
    }
}

/// Returns true if the machine does not have an address, for example as IPv6 is switched off.
fn is_missing(error: &io::Error) -> bool {
    use io::ErrorKind::{AddrNotAvailable, Unsupported};
    // EAFNOSUPPORT has no kind of its own.
    let is_unknown_family = cfg!(target_os = "linux") && error.raw_os_error() == Some(97);
    matches!(error.kind(), AddrNotAvailable | Unsupported) || is_unknown_family
}

/// Returns what to do about an address that the system refuses.
fn refusal(error: &io::Error, host: &str, port: u16) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program listens there; choose another port, or 0 for a free one".to_owned()
        }
        io::ErrorKind::PermissionDenied if port < 1024 => {
            "the system keeps ports below 1024 for administrators; choose another one".to_owned()
        }
        io::ErrorKind::AddrNotAvailable => format!(
            "`{host}` is no address of this machine; `127.0.0.1` is for clients on it, and `0.0.0.0` for all"
        ),
        _ => format!("check that `{host}` is a name or an address of this machine"),
    }
}

/// Listens on a socket in the file system. A file that no server listens on any more is replaced.
#[cfg(unix)]
async fn bind_file(file: &Path) -> Result<Bound, Failure> {
    use std::os::unix::fs::FileTypeExt as _;
    use tokio::net::{UnixListener, UnixStream};

    let is_socket = fs::symlink_metadata(file).is_ok_and(|there| there.file_type().is_socket());
    let is_left = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    // Any other error, such as a full queue, is that of a server that is there.
    if is_socket
        && UnixStream::connect(file)
            .await
            .is_err_and(|error| is_left(&error))
    {
        let _gone = fs::remove_file(file);
    }
    let listener = UnixListener::bind(file).map_err(|error| Failure::ListenOnFile {
        file: file.to_owned(),
        error,
    })?;
    Ok(Bound {
        listener: Listener::Local(listener),
        url: Some(format!("unix:{}", file.display())),
        others: Vec::new(),
        file: Some(SocketFile::of(file)),
    })
}

#[cfg(not(unix))]
#[expect(clippy::unused_async, reason = "it waits on other systems")]
async fn bind_file(file: &Path) -> Result<Bound, Failure> {
    Err(Failure::ListenOnFile {
        file: file.to_owned(),
        error: io::ErrorKind::Unsupported.into(),
    })
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(file).map_err(|error| TlsError::Unreadable {
        file: file.to_owned(),
        error,
    })
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let malformed = |why: String| TlsError::Malformed {
        file: file.to_owned(),
        wanted: "certificate",
        why,
    };
    let text = read(file)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let all = all.map_err(|error| malformed(error.to_string()))?;
    if all.is_empty() {
        return Err(malformed(
            "expected `-----BEGIN CERTIFICATE-----`".to_owned(),
        ));
    }
    Ok(all)
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let key = PrivateKeyDer::from_pem_slice(&read(file)?);
    key.map_err(|error| TlsError::Malformed {
        file: file.to_owned(),
        wanted: "private key",
        why: format!("{error}; expected `-----BEGIN PRIVATE KEY-----`"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_url_or_a_file() {
        let parsed = ListenAddress::parse;
        assert_eq!(
            parsed("http://127.0.0.1:4010"),
            Ok(ListenAddress::Plain("127.0.0.1".to_owned(), 4010))
        );
        assert_eq!(
            parsed("https://[::1]:0/"),
            Ok(ListenAddress::Secured("::1".to_owned(), 0))
        );
        for file in ["unix:/run/s.sock", "unix:///run/s.sock"] {
            assert_eq!(
                parsed(file),
                Ok(ListenAddress::Local(PathBuf::from("/run/s.sock")))
            );
        }
        for wrong in [
            "4010",
            "localhost:4010",
            "ftp://localhost:1",
            "https://localhost",
            "http://a:1/path",
            "http://u@a:1",
            "unix:",
        ] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
