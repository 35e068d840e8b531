//! Real API of a proxy: its address, the client, and what is done with wrong exchanges.
use std::time::Duration;

use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Request, Response, Version};
use hyper::body::Incoming;

use crate::contract::Contract;
use crate::upstream::address::UpstreamAddress;
use crate::upstream::choice::{Fallback, ResponderRules};
use crate::upstream::client::{ForwardedContent, UpstreamClient};
use crate::upstream::error::UpstreamFailure;
use crate::upstream::fields::{self, ProxyName};
use crate::upstream::observers::Observers;
use crate::upstream::servers::{AllowedHost, OwnServers};

/// Treatment of one side of the exchanges with the real API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judging {
    /// Nothing is compared (`--validate-request false`).
    Off,
    /// Violations are reported.
    Report,
    /// A message with violations is not forwarded (`--errors`).
    Refuse,
}

/// Settings of a proxy.
#[derive(Debug)]
pub(crate) struct UpstreamSettings {
    /// Operations that the real API or the sandbox answers.
    pub rules: ResponderRules,
    /// Events after which the sandbox answers for the real API.
    pub fallback: Vec<Fallback>,
    /// Treatment of requests.
    pub requests: Judging,
    /// Treatment of responses.
    pub responses: Judging,
    /// Hosts beside that of the URL that are contacted (`--allow-upstream`).
    pub allowed: Vec<AllowedHost>,
    /// Time for the head of an answer (`--upstream-timeout`).
    pub timeout: Duration,
}

/// Real API that requests are forwarded to.
#[derive(Debug)]
pub(crate) struct Upstream {
    /// Address of the API.
    pub address: UpstreamAddress,
    /// Settings of the proxy.
    pub settings: UpstreamSettings,
    /// Recording, HAR and drift.
    pub observers: Observers,
    client: UpstreamClient,
    name: ProxyName,
}

impl Upstream {
    /// Creates the proxy of an API.
    #[must_use]
    pub(crate) fn new(
        address: UpstreamAddress,
        client: UpstreamClient,
        settings: UpstreamSettings,
        observers: Observers,
    ) -> Self {
        Self {
            address,
            settings,
            observers,
            client,
            name: ProxyName::new(),
        }
    }

    /// Forwards a request for a target at an address, and returns the head of the answer and its content as it comes.
    ///
    /// # Errors
    ///
    /// [`UpstreamFailure`], if there is no answer, or the request came through this proxy before.
    pub(crate) async fn send(
        &self,
        mut head: Parts,
        (address, target): (&UpstreamAddress, &PathAndQuery),
        content: ForwardedContent,
    ) -> Result<Response<Incoming>, UpstreamFailure> {
        if self.name.is_in(&head.headers) {
            return Err(UpstreamFailure::Loop);
        }
        let upgrades = fields::upgrade(&head.headers).is_some();
        fields::forward_request(&mut head, address.authority(), &self.name);
        fields::announce_content(&mut head.headers, &content);
        head.uri = address
            .url(target)
            .map_err(|error| UpstreamFailure::Target(error.to_string()))?;
        head.version = Version::HTTP_11;
        let request = Request::from_parts(head, content);
        let mut response = self
            .client
            .send(request, upgrades, self.settings.timeout)
            .await?;
        fields::forward_response(response.headers_mut());
        // The version is that of the next connection (RFC 9110 §2.5).
        *response.version_mut() = Version::HTTP_11;
        Ok(response)
    }

    /// Returns the first key of `--real` and `--sandbox` that names no operation, as a sentence.
    #[must_use]
    pub(crate) fn unknown_key(&self, contract: &Contract) -> Option<String> {
        let (_, unknown) = self.settings.rules.responders(contract);
        unknown.first().map(ToString::to_string)
    }

    /// Returns true if exchanges are compared with the contract: to report violations, or for an observer.
    #[must_use]
    pub(crate) fn compares(&self) -> bool {
        let sides = [self.settings.requests, self.settings.responses];
        sides.iter().any(|judging| *judging != Judging::Off) || self.observers.need_judgement()
    }

    /// Returns the servers that operations of a contract have for themselves.
    #[must_use]
    pub(crate) fn servers(&self, contract: &Contract) -> OwnServers {
        OwnServers::of(contract, &self.address, &self.settings.allowed)
    }

    /// Returns true if the sandbox answers instead of this failure.
    #[must_use]
    pub(crate) fn falls_back_on(&self, failure: &UpstreamFailure) -> bool {
        self.settings.fallback.iter().any(|event| match event {
            Fallback::Unreachable => {
                failure.is_unreachable() || matches!(failure, UpstreamFailure::Broken(_))
            }
            Fallback::Timeout => matches!(failure, UpstreamFailure::Late(_)),
            Fallback::Status(_) => false,
        })
    }
}
