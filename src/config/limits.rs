//! How often strangers may try; 0 switches a limit off.

use crate::limits::{Policy, Quota};

use super::section::section;

section! {
    /// How often anyone may try. 0 switches a limit off.
    ///
    /// Addresses are those of clients (`http.trusted_proxies`); IPv6 counts by /64. What is counted is shared by every
    /// node on the database.
    pub struct Limits in "limits" {
        /// How many sign-ins one address may try in a minute, right or wrong. Short codes that are typed count as well.
        pub logins_per_minute: u32 = 30, in 0..=10_000;

        /// How many accounts one address may try to register in an hour.
        pub registrations_per_hour: u32 = 20, in 0..=10_000;

        /// How many mails of one kind may be asked for in an hour for one account; beyond that nothing is sent.
        ///
        /// The kinds are those for its owner (a reset, another confirmation), those about a registration, and those
        /// about an address that a user wants: what somebody else asks for takes nothing from what the owner needs.
        pub mails_per_account_per_hour: u32 = 3, in 0..=10_000;

        /// How many mails one address may ask for in an hour, for whatever account.
        pub mail_requests_per_hour: u32 = 20, in 0..=10_000;

        /// How many short codes from mails are looked at in an hour for one address, right or wrong. Links are not counted.
        ///
        /// A short code is one of 2⁴⁰, so this cannot be switched off.
        pub typed_codes_per_hour: u32 = 10, in 1..=100;

        /// From which wrong password in a row, for one account and from one address, there is a wait before the next.
        ///
        /// It begins with a second and doubles with each further one. The right password ends it.
        pub failures_before_wait: u32 = 5, in 0..=100;

        /// The longest that one address waits for one account, in seconds.
        pub longest_wait_seconds: u32 = 900, in 1..=86_400;

        /// After how many wrong passwords in a row, from all addresses together, an account can only be signed in to
        /// from addresses that it was signed in to from before.
        ///
        /// Until it is signed in to, or its password is reset. More than 100 are too many (NIST SP 800-63B §3.2.2).
        pub failures_before_known_addresses: u32 = 100, in 0..=100;

        /// How long an address is remembered after a sign-in, in days.
        pub known_address_days: u32 = 30, in 1..=365;
    }
}

impl Limits {
    /// How often what a policy limits may happen; `None` if as often as anyone likes.
    #[must_use]
    pub fn quota(&self, policy: Policy) -> Option<Quota> {
        match policy {
            Policy::Login => Quota::of_minute(self.logins_per_minute),
            Policy::Registration => Quota::of_hour(self.registrations_per_hour),
            Policy::MailPerAccount | Policy::RegistrationMail | Policy::AddressChangeMail => {
                Quota::of_hour(self.mails_per_account_per_hour)
            }
            Policy::MailPerAddress => Quota::of_hour(self.mail_requests_per_hour),
            Policy::TypedCodes => Quota::of_hour(self.typed_codes_per_hour),
        }
    }
}
