// Result codes: what became of a message. The numbers are part of the wire contract and of the chain: a code is never
// renumbered or reused. Within a group the codes stand in order of precedence: the first that applies is the answer.
#pragma once

#include <cstdint>
#include <string_view>

namespace electra {

// name, number, what it means for the sender
#define ELECTRA_RESULTS(X)                                                                         \
  X(ok, 0, "done")                                                                                 \
  /* refused before the chain: never in state or journal */                                        \
  X(malformed_frame, 1, "the frame is not strictly encoded")                                       \
  X(frame_too_large, 2, "the frame is longer than the limit")                                      \
  X(malformed_payload, 3, "the payload is not a strictly encoded operation")                       \
  X(unknown_sender, 4, "no key is registered for this sender")                                     \
  X(bad_signature, 5, "the signature does not verify under the sender's key")                      \
  X(hello_required, 6, "the session has not been opened by a signed hello")                        \
  X(overloaded, 7, "the gateway is not taking messages now; send the same bytes again later")      \
  X(wrong_version, 8, "the protocol version is not supported")                                     \
  X(wrong_chain, 9, "the message belongs to another chain")                                        \
  X(not_found, 10, "there is no such thing")                                                       \
  X(not_permitted, 11, "this session may not do that")                                             \
  X(shutting_down, 12, "the gateway is stopping; send the same bytes again after its restart")     \
  /* sequence and key: executed, but leaves the sequence unused */                                 \
  X(key_superseded, 32, "the key was rotated, suspended or retired before the message's turn")     \
  X(sequence_too_old, 33, "the sequence is below the sender's window")                             \
  X(sequence_too_new, 34, "the sequence is more than 2^20 above the highest used")                 \
  X(sequence_used, 35, "another message has used this sequence")                                   \
  /* every operation */                                                                            \
  X(expired, 48, "not_after has passed")                                                           \
  X(not_after_required, 49, "an operation that moves money needs not_after")                       \
  X(not_after_too_far, 50, "not_after is further away than the limit")                             \
  X(not_active, 51, "the sender has not proved possession of its key yet")                         \
  X(no_role, 52, "the sender's roles do not allow this operation")                                 \
  X(invalid_field, 53, "a field is outside its range")                                             \
  /* directory */                                                                                  \
  X(invalid_key, 64, "the public key is not canonical, of small order or outside the subgroup")    \
  X(key_taken, 65, "the public key is registered already")                                         \
  X(serial_taken, 66, "the serial number is registered already")                                   \
  X(directory_full, 67, "no slot is left")                                                         \
  X(unknown_holder, 68, "there is no holder with this slot")                                       \
  X(wrong_registration, 69, "the quoted registration id is not this holder's")                     \
  X(already_active, 70, "the holder has proved possession before")                                 \
  X(invalid_status, 71, "the holder cannot go from its status to this one")                        \
  /* ledger */                                                                                     \
  X(unknown_account, 96, "there is no account with this number")                                   \
  X(accounts_full, 97, "no account number is left")                                                \
  X(accounts_must_differ, 98, "debit and credit account are the same")                             \
  X(assets_must_match, 99, "debit and credit account hold different assets")                       \
  X(not_account_owner, 100, "the sender does not own the debit account")                           \
  X(amount_zero, 101, "the amount is zero")                                                        \
  X(overflow, 102, "a balance would leave the range of 64 bits")                                   \
  X(exceeds_credits, 103, "the debit account has not enough credit")                               \
  X(exceeds_debits, 104, "the credit account has not enough debit")                                \
  X(pending_full, 105, "no pending transfer is left")                                              \
  X(timeout_too_long, 106, "the pending transfer would last longer than the limit")                \
  X(unknown_pending, 107, "there is no such pending transfer: never was, done, void or expired")   \
  X(not_pending_party, 108, "the sender is not a party of the pending transfer")                   \
  X(exceeds_pending, 109, "the amount is more than the pending transfer's")                        \
  X(account_reserved, 110, "the account moves only by settlement")                                 \
  /* metering */                                                                                   \
  X(not_a_meter, 128, "the holder has no metered phase")                                           \
  X(wrong_phases, 129, "the reading's phases are not the meter's")                                 \
  X(reading_in_future, 130, "the reading is stamped later than the gateway's time allows")         \
  X(reading_too_old, 131, "the reading is older than the correction horizon")                      \
  X(register_out_of_range, 132, "a register is not below the meter's modulus")                     \
  X(duplicate_reading, 133, "the same reading was taken before; no effect")                        \
  X(conflicting_reading, 134, "another reading of the same instant was taken before")              \
  X(superseded_reading, 135, "a later reading of the same interval was taken before; no effect")   \
  X(late_reading, 136, "its interval was settled; the difference is booked as a correction")       \
  X(late_without_effect, 137, "its interval was settled and a later register is known; no effect") \
  /* chain */                                                                                      \
  X(wrong_epoch, 160, "the epoch is not above the current one")                                    \
  X(wrong_height, 161, "the height is not one that this operation may name now")                   \
  X(unknown_rules, 162, "the rules version is not above the current one, or not known here")

enum class Result : std::uint16_t {
#define ELECTRA_RESULT_ENUM(name, number, text) name = number,
  ELECTRA_RESULTS(ELECTRA_RESULT_ENUM)
#undef ELECTRA_RESULT_ENUM
};

// The code's name as it stands above, "unknown_result" for a number that is not in the table.
[[nodiscard]] std::string_view result_name(Result result) noexcept;

// One sentence for people.
[[nodiscard]] std::string_view result_text(Result result) noexcept;

// True for codes that say the sequence was consumed by this message (its outcome is final and kept in the window).
[[nodiscard]] constexpr bool consumes_sequence(Result result) noexcept {
  return result == Result::ok || static_cast<std::uint16_t>(result) >= 48;
}

}  // namespace electra
