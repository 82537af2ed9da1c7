"""What a repo says to each ref that a push would move, before any of them moves."""

from __future__ import annotations

from dataclasses import dataclass
from stat import S_ISDIR
from typing import TYPE_CHECKING

from dulwich.objects import S_ISGITLINK, Commit, ObjectID

from hubver.localhub.accounts.access import may_write
from hubver.localhub.git.pre_receive import Rule, objection
from hubver.localhub.git.selection import History
from hubver.localhub.repos import trees
from hubver.localhub.repos.refs import MAIN, RefChange
from hubver.localhub.repos.repository import Repository, peel, read_blob
from hubver.localhub.talk.discussions import Discussions, pull_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dulwich.object_store import BaseObjectStore

    from hubver.localhub.accounts.users import User

DECLINED = "pre-receive hook declined"


@dataclass(frozen=True)
class Intake:
    """Who pushes, and to what.

    Args:
        repo: pushed to.
        user: who pushes.
        has_object: tells of a sha256 and a size whether there is such an LFS object for this user.
        atomic: whether atomic pushes are offered.
    """

    repo: Repository
    user: User
    has_object: Callable[[str, int], bool]
    atomic: bool


@dataclass(frozen=True)
class Objection:
    """Why a ref does not move: a reason for git's report, and remarks that git shows to people."""

    reason: str
    remarks: str = ""


class Inspection:
    """Looks at the moves of one push, under the repo's lock.

    Args:
        intake: who pushes, and to what.
        store: the repo's objects with those that the push brings.
    """

    def __init__(self, intake: Intake, store: BaseObjectStore) -> None:
        self._intake = intake
        self._store = store
        self._history = History(store)
        self._refs = intake.repo.refs.read()
        self._known = {value.target for value in self._refs.values()}
        self._old = {ObjectID(value.commit.encode()) for value in self._refs.values()}
        """Commits that the repo has, or has been found to take: those that refs name, and what else had to be learnt."""
        self._fine: set[ObjectID] = set()

    def objection(self, change: RefChange) -> Objection | None:
        """Say why a ref may not be moved like this, whatever it stands at; None if it may."""
        intake, pull = self._intake, pull_number(change.name)
        if not change.name.startswith(("refs/heads/", "refs/tags/")) and pull is None:
            return Objection("only branches, tags and pull requests can be pushed")
        if change.new is None and (change.name == MAIN or pull is not None):
            return Objection("main and pull requests cannot be deleted by a push")
        if pull is not None and change.name not in self._refs:
            return Objection(f"there is no pull request {pull}")
        own = pull is not None and Discussions(intake.repo).get(pull).author == intake.user.name
        if not own and not may_write(intake.repo, intake.user):
            return Objection(DECLINED, "You may only push to pull requests of your own, not to this repo.")
        if change.new is None or change.new in self._known:
            return None
        return self._bad_objects(change, change.new)

    def _bad_objects(self, change: RefChange, oid: str) -> Objection | None:
        """Look through what a push brings: all of it must be there, and nothing that may not be committed."""
        refused: dict[Rule, list[str]] = {}
        try:
            target = peel(self._store, oid) if change.name.startswith("refs/tags/") else oid
            if not isinstance(self._store[ObjectID(target.encode())], Commit):
                return Objection("a ref must lead to a commit")
            new = self._new_commits(ObjectID(target.encode()))
            for entry in self._new_files(new):
                content = b"" if entry.is_folder or S_ISGITLINK(entry.mode) else read_blob(self._store, entry.oid)
                rule = objection(entry.path, entry.mode, content, self._intake.has_object)
                if rule:
                    refused.setdefault(rule, []).append(entry.path)
        except KeyError:
            return Objection("missing necessary objects")
        for rule, paths in refused.items():
            return Objection(DECLINED, rule.text(paths, change.name))
        # Whatever becomes of this ref, the next ones of the push that lead here need not be looked through again.
        self._old.update(new)
        return None

    def _new_commits(self, target: ObjectID) -> set[ObjectID]:
        """The commits in the history of `target` that the repo does not have.

        Most pushes go on from where a ref is. Then every way back from what they bring ends at a ref, and nothing else
        of the repo's history, which may be long, needs to be read.

        Raises:
            KeyError: one of them is not in the store.
        """
        with self._intake.repo.objects() as own:
            new = self._history.reach([target], stop=self._old, ends=own)
            # A commit that lies in the repo may still be one that no ref leads to, which nobody has looked through.
            if not any(oid in own for oid in new):
                return new
        self._old |= self._history.reach(ObjectID(value.commit.encode()) for value in self._refs.values())
        return self._history.reach([target], stop=self._old)

    def _new_files(self, new: set[ObjectID]) -> Iterator[trees.Entry]:
        """Every file and folder of new commits that no commit of the repo next to them has.

        Raises:
            KeyError: while iterating, if a tree is not in the store.
        """
        parents = {parent for oid in new for parent in self._history.commit(oid).parents}
        for edge in parents & self._old:
            self._accept(self._history.commit(edge).tree)
        seen: set[ObjectID] = set()
        todo = [trees.Entry("", trees.FOLDER_MODE, self._history.commit(oid).tree.decode()) for oid in new]
        while todo:
            entry = todo.pop()
            oid = ObjectID(entry.oid.encode())
            if oid in seen or oid in self._fine:
                continue
            seen.add(oid)
            if entry.is_folder:
                todo += trees.walk(self._store, entry.oid, entry.path, recursive=False)
            if entry.path:
                yield entry

    def _accept(self, tree: ObjectID) -> None:
        """Take a tree of the repo's own, with all that is in it, for fine."""
        todo = [tree]
        while todo:
            oid = todo.pop()
            if oid in self._fine:
                continue
            self._fine.add(oid)
            for item in trees.load_tree(self._store, oid.decode()).iteritems():
                if S_ISDIR(item.mode):
                    todo.append(item.sha)
                else:
                    self._fine.add(item.sha)
