//! Certificate authority of this user, which signs the certificates of local servers.
//!
//! It is made once, in the user's folder for data. No program trusts it unless it is told to: the system's
//! store is never touched.
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use time::{Duration, OffsetDateTime};

use crate::cli::arguments::data_folder;
use crate::server::tls::Identity;

/// File with the certificate of the authority, which clients are told to trust.
const CERTIFICATE: &str = "authority.pem";

/// File with the certificate and the private key of the authority, which only the user may read.
const KEY: &str = "authority-key.pem";

/// Name of the authority in its certificates.
const NAME: &str = "Standin local authority";

/// Names and addresses that each certificate is for (RFC 6761 §6.3).
const LOCAL: [&str; 4] = ["localhost", "*.localhost", "127.0.0.1", "::1"];

/// Validity of the authority.
const AUTHORITY_LASTS: Duration = Duration::days(3650);

/// Validity of the certificate of a server: some clients accept no longer one.
const SERVER_LASTS: Duration = Duration::days(397);

/// Validity before now, so that a clock that is slow accepts a new certificate.
const EARLIER: Duration = Duration::days(1);

/// Age from which a temporary file is one that a killed process left.
const LEFT_AFTER: std::time::Duration = std::time::Duration::from_secs(60);

/// Authority that signs certificates of local servers.
#[derive(Debug)]
pub(super) struct Authority {
    key: KeyPair,
    certificate: CertificateDer<'static>,
}

/// Reason why there is no certificate of the local authority.
#[derive(Debug, thiserror::Error)]
pub(super) enum AuthorityError {
    #[error(
        "there is no folder for the local certificate authority\n  = help: set `HOME` or `XDG_DATA_HOME`, or name a certificate with `--tls-cert` and `--tls-key`"
    )]
    NoFolder,
    #[error("`{}`: {error}", file.display())]
    File { file: PathBuf, error: io::Error },
    #[error(
        "`{}` may be read by other users, who could then imitate every server to what trusts the authority\n  = help: `chmod 600 {}`, or delete the folder to make a new authority", .0.display(), .0.display()
    )]
    Readable(PathBuf),
    #[error(
        "`{}` is no certificate with its private key: {why}\n  = help: delete it to make a new authority", file.display()
    )]
    Malformed { file: PathBuf, why: String },
    #[error("`{0}` is no name for a certificate: {1}")]
    Name(String, rcgen::Error),
    #[error("no certificate can be made: {0}")]
    Certificate(#[from] rcgen::Error),
}

/// Returns the file of the certificate that clients are told to trust.
///
/// # Errors
///
/// [`AuthorityError::NoFolder`], if the user has no folder for data.
pub(super) fn certificate_file() -> Result<PathBuf, AuthorityError> {
    let folder = data_folder().ok_or(AuthorityError::NoFolder)?;
    Ok(folder.join(CERTIFICATE))
}

impl Authority {
    /// Returns the authority of this user, which is made if there is none.
    ///
    /// # Errors
    ///
    /// [`AuthorityError`], if a file cannot be read or written, or is not what it should be.
    pub(super) fn of_user() -> Result<Self, AuthorityError> {
        let folder = data_folder().ok_or(AuthorityError::NoFolder)?;
        Self::in_folder(&folder)
    }

    fn in_folder(folder: &Path) -> Result<Self, AuthorityError> {
        remove_left(folder);
        let file = folder.join(KEY);
        if !file.exists() {
            Self::make(folder, &file)?;
        }
        refuse_readable(&file)?;
        let text = fs::read_to_string(&file).map_err(|error| of_file(&file, error))?;
        let malformed = |why: String| AuthorityError::Malformed {
            file: file.clone(),
            why,
        };
        let key = PrivateKeyDer::from_pem_slice(text.as_bytes())
            .map_err(|error| malformed(error.to_string()))?;
        let key = KeyPair::try_from(&key).map_err(|error| malformed(error.to_string()))?;
        let certificate = CertificateDer::from_pem_slice(text.as_bytes())
            .map_err(|error| malformed(error.to_string()))?;
        let public = key.public_key_raw();
        if !certificate.windows(public.len()).any(|part| part == public) {
            return Err(malformed(
                "the key belongs to another certificate".to_owned(),
            ));
        }
        let authority = Self { key, certificate };
        Self::publish(&folder.join(CERTIFICATE), &text)?;
        Ok(authority)
    }

    /// Makes an authority, unless another process makes one at the same time.
    fn make(folder: &Path, file: &Path) -> Result<(), AuthorityError> {
        fs::create_dir_all(folder).map_err(|error| of_file(folder, error))?;
        let key = KeyPair::generate()?;
        let certificate = parameters(OffsetDateTime::now_utc()).self_signed(&key)?;
        let text = format!("{}{}", certificate.pem(), key.serialize_pem());
        let temporary = folder.join(format!("{KEY}.{}", std::process::id()));
        let linked = write_new(&temporary, &text, 0o600).and_then(|()| {
            // A link is never half a file, and fails if there is one.
            fs::hard_link(&temporary, file)
        });
        let _gone = fs::remove_file(&temporary);
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(of_file(file, error)),
            _ => Ok(()),
        }
    }

    /// Writes the certificate without its key to a file that clients read.
    fn publish(file: &Path, text: &str) -> Result<(), AuthorityError> {
        const END: &str = "-----END CERTIFICATE-----";
        let end = text.find(END).map_or(text.len(), |at| at + END.len());
        let certificate = format!("{}\n", &text[..end]);
        if fs::read_to_string(file).is_ok_and(|there| there == certificate) {
            return Ok(());
        }
        let temporary = file.with_extension(format!("pem.{}", std::process::id()));
        let written =
            write_new(&temporary, &certificate, 0o644).and_then(|()| fs::rename(&temporary, file));
        written.map_err(|error| {
            let _gone = fs::remove_file(&temporary);
            of_file(file, error)
        })
    }

    /// Returns a new certificate for this machine's own names and some more, with its key.
    ///
    /// # Errors
    ///
    /// [`AuthorityError::Name`] for a name that cannot stand in a certificate.
    pub(super) fn identity(&self, names: &[String]) -> Result<Identity, AuthorityError> {
        let mut params = CertificateParams::default();
        for name in LOCAL
            .into_iter()
            .map(str::to_owned)
            .chain(names.iter().cloned())
        {
            let alone = CertificateParams::new(vec![name.clone()])
                .map_err(|error| AuthorityError::Name(name, error))?;
            for own in alone.subject_alt_names {
                if !params.subject_alt_names.contains(&own) {
                    params.subject_alt_names.push(own);
                }
            }
        }
        let now = OffsetDateTime::now_utc();
        (params.not_before, params.not_after) = (now - EARLIER, now + SERVER_LASTS);
        params
            .distinguished_name
            .push(DnType::CommonName, "localhost");
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let of_authority = parameters(now);
        let issuer = Issuer::from_params(&of_authority, &self.key);
        let certificate = params.signed_by(&key, &issuer)?;
        let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes());
        Ok(Identity {
            chain: vec![certificate.der().clone(), self.certificate.clone()],
            key: key.map_err(|error| AuthorityError::Malformed {
                file: PathBuf::from(KEY),
                why: error.to_string(),
            })?,
        })
    }
}

/// Returns the contents of the authority's certificate, which is valid from `now`.
fn parameters(now: OffsetDateTime) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, NAME);
    (params.not_before, params.not_after) = (now - EARLIER, now + AUTHORITY_LASTS);
    // It signs servers only, and no other authority.
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn of_file(file: &Path, error: io::Error) -> AuthorityError {
    AuthorityError::File {
        file: file.to_owned(),
        error,
    }
}

/// Writes a new file, which has these permissions from its first byte on.
fn write_new(file: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(file)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Removes temporary files of processes that were killed, such as `authority.pem.4711`, which may have a key.
fn remove_left(folder: &Path) {
    let is_temporary = |name: &str| {
        let number = [CERTIFICATE, KEY]
            .iter()
            .find_map(|file| name.strip_prefix(file)?.strip_prefix('.'));
        number.is_some_and(|number| {
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let changed = entry.metadata().and_then(|there| there.modified()).ok();
        let age = changed.and_then(|changed| changed.elapsed().ok());
        if is_temporary(&entry.file_name().to_string_lossy())
            && age.is_some_and(|age| age > LEFT_AFTER)
        {
            let _gone = fs::remove_file(entry.path());
        }
    }
}

/// Refuses a private key that other users may read.
fn refuse_readable(file: &Path) -> Result<(), AuthorityError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let there = fs::metadata(file).map_err(|error| of_file(file, error))?;
        if there.permissions().mode() & 0o077 != 0 {
            return Err(AuthorityError::Readable(file.to_owned()));
        }
    }
    let _ = file;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("standin-{name}-{}", std::process::id()));
        let _none = fs::remove_dir_all(&folder);
        folder
    }

    #[test]
    fn an_authority_is_made_once() {
        let folder = folder("authority");
        let first = Authority::in_folder(&folder).expect("is made");
        let second = Authority::in_folder(&folder).expect("is read");
        assert_eq!(first.certificate, second.certificate);
        let published = fs::read_to_string(folder.join(CERTIFICATE)).expect("is there");
        assert!(
            published.starts_with("-----BEGIN CERTIFICATE-----") && !published.contains("PRIVATE"),
            "{published}"
        );
        let identity = second
            .identity(&["shop.test".to_owned(), "10.0.0.7".to_owned()])
            .expect("is signed");
        assert_eq!(identity.chain[1], first.certificate);
        assert!(matches!(
            second.identity(&["näme".to_owned()]),
            Err(AuthorityError::Name(..))
        ));
        let _gone = fs::remove_dir_all(&folder);
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let (folder, other) = (folder("authority-pair"), folder("authority-other"));
        for folder in [&folder, &other] {
            Authority::in_folder(folder).expect("is made");
        }
        let read = |folder: &Path| fs::read_to_string(folder.join(KEY)).expect("is there");
        let (own, others) = (read(&folder), read(&other));
        let at = |text: &str| text.find("-----BEGIN PRIVATE KEY").expect("has a key");
        let mixed = format!("{}{}", &own[..at(&own)], &others[at(&others)..]);
        fs::write(folder.join(KEY), mixed).expect("can be written");
        let refused = Authority::in_folder(&folder).expect_err("they do not belong together");
        let text = refused.to_string();
        assert!(
            text.contains("the key belongs to another certificate"),
            "{text}"
        );
        assert!(text.contains("delete it to make a new authority"), "{text}");
        for folder in [folder, other] {
            let _gone = fs::remove_dir_all(&folder);
        }
    }

    #[test]
    fn temporary_files_that_were_left_are_removed() {
        let folder = folder("authority-left");
        fs::create_dir_all(&folder).expect("can be made");
        let old = std::time::SystemTime::now() - 2 * LEFT_AFTER;
        for name in [
            "authority.pem.17",
            "authority-key.pem.17",
            "authority.pem.old",
        ] {
            let file = fs::File::create(folder.join(name)).expect("can be made");
            file.set_modified(old).expect("can be changed");
        }
        fs::write(folder.join("authority.pem.18"), "").expect("can be written");
        Authority::in_folder(&folder).expect("is made");
        let files = fs::read_dir(&folder).expect("is there").flatten();
        let mut names: Vec<_> = files.map(|file| file.file_name()).collect();
        names.sort();
        let kept = [KEY, CERTIFICATE, "authority.pem.18", "authority.pem.old"];
        assert_eq!(names, kept);
        let _gone = fs::remove_dir_all(&folder);
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = folder("authority-open");
        Authority::in_folder(&folder).expect("is made");
        let key = folder.join(KEY);
        let mode = |mode| fs::set_permissions(&key, fs::Permissions::from_mode(mode));
        let now = fs::metadata(&key).expect("is there").permissions().mode();
        assert_eq!(now & 0o777, 0o600);
        mode(0o644).expect("can be changed");
        assert!(matches!(
            Authority::in_folder(&folder),
            Err(AuthorityError::Readable(_))
        ));
        mode(0o600).expect("can be changed");
        fs::write(&key, "nothing").expect("can be written");
        assert!(matches!(
            Authority::in_folder(&folder),
            Err(AuthorityError::Malformed { .. })
        ));
        let _gone = fs::remove_dir_all(&folder);
    }
}
