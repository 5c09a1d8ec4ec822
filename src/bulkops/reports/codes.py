"""The words of the `_error` column: what each means, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Explanation:
    """One code in words. `advice` is empty where nothing needs to be done or nothing general can be said."""

    meaning: str
    advice: str = ""


_CODES = {
    # skipped: nothing had to be done
    "already_invited": Explanation(
        "An invitation is outstanding already.", "Use resend-invite where its mail should go out again."
    ),
    "already_member": Explanation(
        "The address has an account already; nothing was changed.",
        "Give it role groups or teams with assign-role-group or add-team-member.",
    ),
    "already_gone": Explanation("The account was gone already."),
    "already_disabled": Explanation("The account was disabled already."),
    "already_enabled": Explanation("The account was enabled already."),
    "already_assigned": Explanation("The person has this role group or permission already."),
    "not_assigned": Explanation(
        "The person does not have this role group or permission.",
        "A permission counts only in just the organisation and environment of the row.",
    ),
    "already_in_team": Explanation("The person is in the team already, with this membership."),
    "not_in_team": Explanation("The person is not in the team."),
    "external_member": Explanation(
        "The person is in the team, or has the role, by a group that is kept elsewhere.",
        "Take them out of that group; a change made here would not last, or cannot be made.",
    ),
    "not_invited": Explanation("No invitation is outstanding or expired, so there is none to take back."),
    "already_allowed": Explanation("The app is on the allowlist already, with these scopes."),
    "not_allowed_before": Explanation("The app is not on the allowlist."),
    "already_there": Explanation(
        "There is one of this name already; it was left as it is.",
        "Names are compared without case.",
    ),
    "duplicate_row": Explanation("Another row of the file means the same; that one counts."),
    # failed before anything was sent
    "invalid_row": Explanation("The row cannot be run as it is written.", "Correct the row in failures.csv."),
    "protected": Explanation(
        "The account is protected, so it was left alone.",
        "Take the row out, or change what is protected on this target in bulkops.toml.",
    ),
    "unknown_user": Explanation(
        "Nobody in the organisation has this address, username or id.",
        "Correct it; the message lists near ones, or says that the account was deleted.",
    ),
    "ambiguous_user": Explanation(
        "More than one account has this address.", "Write the username or the id; the message lists them."
    ),
    "unknown_invite": Explanation(
        "No invitation of this address or id is outstanding or expired.", "Use invite to send one."
    ),
    "team_elsewhere": Explanation(
        "A team of this name stands under another parent.",
        "Move or rename it on the provider's own pages, or correct the row: no two teams may have one name.",
    ),
    "ambiguous_invite": Explanation(
        "More than one invitation of this address is there.", "Write the invite_id; the message lists them."
    ),
    "misfit": Explanation(
        "The role is not one of those of the team or other thing that the row names.",
        "Write one of the roles that the message lists, or another acl_object.",
    ),
    "lowest_role": Explanation(
        "Every member of the organisation has this role at least, so it cannot be taken away.",
        "Use delete-user where they shall leave the organisation.",
    ),
    "membership_unread": Explanation(
        "The person is in the team already; as member or as maintainer, this target cannot tell.",
        "Leave membership empty, or allow the calls that read and set it in the target's options.",
    ),
    "unreadable_invite": Explanation(
        "What the invitation grants cannot be read, so that none like it could be made.",
        "Take it back with revoke-invite, and use invite.",
    ),
    "external_team": Explanation(
        "The people of this team come from elsewhere: a directory, or another organisation.",
        "Change them there, or name another team.",
    ),
    # refused by the provider
    "no_seat": Explanation(
        "The plan has no seat left for another person.",
        "Free seats or buy more; then resume the run, which goes on where it stopped.",
    ),
    "last_owner": Explanation(
        "Nobody would administer the organisation or the team any more.",
        "Make somebody else an administrator first, then run the row again.",
    ),
    "invalid": Explanation("The provider found the request invalid.", "Correct the row; the message says where."),
    "forbidden": Explanation(
        "The provider does not allow this account to do it.", "Have the missing right granted, then run the rows again."
    ),
    "not_found": Explanation("The provider knows nothing of that name.", "Check the name or id."),
    "not_allowed": Explanation("The provider does not offer this operation here."),
    "conflict": Explanation("It clashes with how things stand.", "Look the item up, then run the row again."),
    "too_large": Explanation("The provider found the request too large.", "Run it again with a smaller --batch-size."),
    "refused": Explanation(
        "The provider's answer says that it did not do this row.", "Look the item up, then run the row again."
    ),
    "rejected": Explanation("The provider refused it.", "The message is the provider's own."),
    "failed": Explanation("It did not work.", "The message says why."),
    # lost, or not certain
    "no_answer": Explanation(
        "Sent, but no answer arrived: it may or may not have happened.", "bulkops resume asks before it sends again."
    ),
    "broken_answer": Explanation(
        "Sent, but the answer could not be read: it may or may not have happened.",
        "bulkops resume asks before it sends again.",
    ),
    "server_error": Explanation(
        "The provider had a fault of its own: it may or may not have happened.",
        "bulkops resume asks before it sends again.",
    ),
    "redirected": Explanation(
        "The provider pointed to another address, which is not followed.", "Check region or base_url of the target."
    ),
    "unreachable": Explanation(
        "The provider could not be reached; nothing was sent.", "Check the network, then run the rows again."
    ),
    "throttled_out": Explanation(
        "The run ended while it waited for the provider's quota; nothing was done for this row.",
        "bulkops resume goes on with it when the quota allows.",
    ),
    "not_applied": Explanation(
        "The provider accepted the call, and nothing came of it.", "Try one of the rows by hand to see why."
    ),
    "unverified": Explanation(
        "Accepted, but not seen in the organisation yet.", "bulkops resume looks again before anything is sent."
    ),
}


def explain(code: str) -> Explanation:
    """`code` in words; an unknown one stands for itself."""
    found = _CODES.get(code)
    if found is not None:
        return found
    prefix, _, kind = code.partition("_")
    thing = kind.replace("_", " ")
    if thing and prefix == "unknown":
        return Explanation(f"No {thing} has this name or id.", "Correct the name; the message lists near ones.")
    if thing and prefix == "ambiguous":
        return Explanation(f"More than one {thing} has this name.", "Write the id instead; the message lists them.")
    if thing and prefix == "already":
        return Explanation(f"It was {thing} already.")
    return Explanation(code)
