//! Prints where the local certificate authority is, and how clients trust it, for `standin cert`.
use std::io::Write;

use clap::Args;

use crate::cli::authority::{Authority, certificate_file};
use crate::cli::outcome::{Failure, Outcome};

/// Options of `cert`.
#[derive(Debug, Args)]
pub(super) struct Cert {
    /// Print the path of the certificate and nothing else, for scripts
    ///
    /// Nothing is made: without a certificate, the path is where it will be, and standard error says so.
    #[arg(long)]
    path: bool,
}

impl Cert {
    /// Makes the authority if there is none, and prints its path and a line for each client; with `--path`,
    /// only prints the path.
    pub(super) fn run(
        &self,
        out: &mut impl Write,
        err: &mut impl Write,
    ) -> Result<Outcome, Failure> {
        let found = if self.path {
            certificate_file()
        } else {
            Authority::of_user().and_then(|_| certificate_file())
        };
        let file = match found {
            Ok(file) => file,
            Err(error) => {
                writeln!(err, "error: {error}")?;
                return Ok(Outcome::CouldNotRun);
            }
        };
        let path = file.display().to_string();
        if self.path {
            writeln!(out, "{path}")?;
            if !file.is_file() {
                writeln!(
                    err,
                    "note: there is no certificate yet; `standin cert`, or the first `--listen https://…`, makes it"
                )?;
            }
            return Ok(Outcome::Clean);
        }
        let quoted = if path.contains([' ', '\'', '"', '$', '\\']) {
            format!("'{}'", path.replace('\'', r"'\''"))
        } else {
            path.clone()
        };
        write!(
            out,
            "The certificate of the local authority is in {path}\n\
             The system does not trust it. A client trusts it when it is told to:\n\n\
             curl     curl --cacert {quoted} https://localhost:4443/\n\
             Node     NODE_EXTRA_CA_CERTS={quoted} node app.js\n\
             Python   SSL_CERT_FILE={quoted} python app.py             (httpx, urllib; in place of the usual ones)\n\
             requests REQUESTS_CA_BUNDLE={quoted} python app.py        (in place of the usual ones)\n\
             Java     keytool -importcert -noprompt -alias standin -file {quoted} -keystore standin.p12 -storepass changeit\n         \
             java -Djavax.net.ssl.trustStore=standin.p12 -Djavax.net.ssl.trustStorePassword=changeit App.java\n\
             Go       SSL_CERT_FILE={quoted} go test ./...             (in place of the usual ones)\n"
        )?;
        Ok(Outcome::Clean)
    }
}
