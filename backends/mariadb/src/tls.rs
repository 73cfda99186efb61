//! TLS options of URLs, with the names of the various tools that hosting providers use.

use selfsame::error::Result;

use crate::options::{configuration, invalid};

/// The encryption of a connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tls {
    pub(crate) mode: TlsMode,
    /// A file with the authority to trust.
    pub(crate) root: Option<String>,
}

/// The verification of the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum TlsMode {
    /// No TLS.
    #[default]
    Disable,
    /// TLS if the server offers it, with any certificate.
    Prefer,
    /// TLS with any certificate.
    Unverified,
    /// A certificate of a trusted authority.
    VerifyCa,
    /// A certificate of a trusted authority for this host.
    VerifyFull,
}

/// The options read so far.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// Whether TLS is enabled.
    is_on: Option<bool>,
    mode: Option<TlsMode>,
    root: Option<String>,
}

impl Wanted {
    /// Applies a TLS option; returns false for any other option.
    pub(crate) fn take(&mut self, name: &str, value: &str) -> Result<bool> {
        let plain = |text: &str| text.to_ascii_lowercase().replace(['-', '_'], "");
        match &*plain(name) {
            "sslmode" => match &*plain(value) {
                "disable" | "disabled" | "none" => self.switch(false)?,
                // Encryption without verification does not protect against an active attacker.
                "require" | "required" => self.switch(true)?,
                "prefer" | "preferred" => self.choose(TlsMode::Prefer)?,
                "trust" => self.choose(TlsMode::Unverified)?,
                "verifyca" => self.choose(TlsMode::VerifyCa)?,
                "verifyfull" | "verifyidentity" => self.choose(TlsMode::VerifyFull)?,
                _ => {
                    return Err(invalid(
                        "sslmode",
                        "disable, prefer, require, trust, verify-ca or verify-full",
                    ));
                }
            },
            "ssl" | "usessl" | "tls" => match &*value.replace(' ', "").to_ascii_lowercase() {
                "true" | "1" | "on" | "required" | r#"{"rejectunauthorized":true}"# => {
                    self.switch(true)?;
                }
                "false" | "0" | "off" => self.switch(false)?,
                "preferred" => self.choose(TlsMode::Prefer)?,
                "skip-verify" | r#"{"rejectunauthorized":false}"# => {
                    self.choose(TlsMode::Unverified)?;
                }
                _ => return Err(invalid("ssl", "true, false, preferred or skip-verify")),
            },
            "sslaccept" => match &*plain(value) {
                "strict" => self.choose(TlsMode::VerifyFull)?,
                "acceptinvalidcerts" => self.choose(TlsMode::Unverified)?,
                _ => return Err(invalid("sslaccept", "strict or accept_invalid_certs")),
            },
            "sslrootcert" | "sslca" | "serversslcert" => self.root = Some(value.to_owned()),
            "sslcert" | "sslkey" | "sslidentity" => {
                return Err(configuration(
                    "the URL cannot be used: client certificates are not supported; name the server's authority with sslrootcert",
                ));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn switch(&mut self, is_on: bool) -> Result<()> {
        match self.is_on.replace(is_on) {
            Some(before) if before != is_on => Err(contradiction()),
            _ => Ok(()),
        }
    }

    fn choose(&mut self, mode: TlsMode) -> Result<()> {
        match self.mode.replace(mode) {
            Some(before) if before != mode => Err(contradiction()),
            _ => Ok(()),
        }
    }

    /// Returns the resulting settings.
    pub(crate) fn finish(self) -> Result<Tls> {
        let mode = match (self.is_on, self.mode) {
            (Some(false), Some(_)) | (Some(true), Some(TlsMode::Prefer)) => {
                return Err(contradiction());
            }
            (Some(false), None) => TlsMode::Disable,
            (_, Some(mode)) => mode,
            (Some(true), None) => TlsMode::VerifyFull,
            // If an authority is given, certificates are verified.
            (None, None) if self.root.is_some() => TlsMode::VerifyFull,
            (None, None) => TlsMode::Disable,
        };
        let is_needed = !matches!(mode, TlsMode::Disable | TlsMode::Prefer);
        if is_needed && cfg!(not(feature = "tls")) {
            return Err(configuration(
                "the URL needs TLS: build selfsame-mariadb with its feature `tls`",
            ));
        }
        Ok(Tls {
            mode,
            root: self.root,
        })
    }
}

#[cold]
fn contradiction() -> selfsame::Error {
    configuration("the URL cannot be used: its TLS options contradict each other")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(query: &str) -> Result<TlsMode> {
        let mut wanted = Wanted::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').expect("a pair");
            assert!(wanted.take(name, value)?, "{name}");
        }
        Ok(wanted.finish()?.mode)
    }

    #[test]
    fn nothing_is_encrypted_unless_it_is_said() {
        for (query, mode) in [
            ("", TlsMode::Disable),
            ("sslmode=disable", TlsMode::Disable),
            ("ssl-mode=DISABLED", TlsMode::Disable),
            ("useSSL=false", TlsMode::Disable),
            ("ssl-mode=PREFERRED", TlsMode::Prefer),
            ("tls=preferred", TlsMode::Prefer),
        ] {
            assert_eq!(wanted(query).expect(query), mode, "{query}");
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for query in [
            "ssl=true&sslmode=disable",
            "sslmode=disable&sslaccept=strict",
            "ssl-mode=REQUIRED&tls=preferred",
            "sslmode=verify-ca&sslmode=verify-full",
            "sslmode=sometimes",
            "ssl=perhaps",
            "sslcert=client.pem",
        ] {
            wanted(query).expect_err(query);
        }
    }

    #[test]
    #[cfg(not(feature = "tls"))]
    fn what_cannot_be_encrypted_is_refused() {
        for query in [
            "ssl-mode=REQUIRED",
            "ssl=true",
            "tls=skip-verify",
            "ssl-ca=ca.pem",
        ] {
            let error = wanted(query).expect_err(query);
            assert!(error.message().contains("feature `tls`"), "{error}");
        }
    }

    #[test]
    #[cfg(feature = "tls")]
    fn the_words_of_each_tool_are_known() {
        for (query, mode) in [
            ("ssl-mode=REQUIRED", TlsMode::VerifyFull),
            ("sslmode=require", TlsMode::VerifyFull),
            ("ssl_mode=VERIFY_IDENTITY", TlsMode::VerifyFull),
            ("sslMode=verify-full", TlsMode::VerifyFull),
            ("ssl=true", TlsMode::VerifyFull),
            ("tls=true", TlsMode::VerifyFull),
            ("sslaccept=strict", TlsMode::VerifyFull),
            (r#"ssl={"rejectUnauthorized": true}"#, TlsMode::VerifyFull),
            ("ssl_ca=ca.pem", TlsMode::VerifyFull),
            ("serverSslCert=ca.pem", TlsMode::VerifyFull),
            ("ssl-mode=VERIFY_CA&ssl-ca=ca.pem", TlsMode::VerifyCa),
            ("ssl=true&sslmode=verify-ca", TlsMode::VerifyCa),
            ("sslMode=trust", TlsMode::Unverified),
            ("tls=skip-verify", TlsMode::Unverified),
            (r#"ssl={"rejectUnauthorized":false}"#, TlsMode::Unverified),
            (
                "ssl-mode=REQUIRED&sslaccept=accept_invalid_certs",
                TlsMode::Unverified,
            ),
        ] {
            assert_eq!(wanted(query).expect(query), mode, "{query}");
        }
    }
}
