/*
 * Manifests, their numbers, and archives (PROTOCOL.md section 10).
 *
 * Each manifest adds one archive to those of the one that it was computed from, and so raises the
 * floor by one: number n has the floor n and names n archives. Writers race, sleep, and have their
 * creates land late, and again wherever a name was freed. Whoever has read a manifest deletes what
 * it may, at once: nothing here needs the wait G.
 */

#ifndef WRITERS
#define WRITERS 2
#endif
#ifndef ATTEMPTS
#define ATTEMPTS 2      /* of each writer; at most 6 together */
#endif
#define ALL (WRITERS * ATTEMPTS)

#include "common.pml"

/* ---- The store ---- */

/* Contents: 1 to ALL are attempts, the others what a founder writes into manifest 0. */
#define ABSENT 0
#define FOUNDED_BY(node) (ALL + 1 + (node))
#define CONTENTS (ALL + 1 + WRITERS)
byte manifest[ALL + 1];             /* by number: the content that stands */
byte segmentsDeleted;               /* by position, as bits */
byte archives;                      /* that stand, by attempt, as bits */

/* ---- Attempts: one manifest and one archive each ---- */

byte number[CONTENTS];              /* of the manifest, m of its archive; 0: not begun */
byte named[CONTENTS];               /* the archives that it names, as bits */
byte cluster[CONTENTS];             /* its id: the founder's content that it goes back to */
byte archiveSent;                   /* as bits */
byte manifestSent;
byte foundingSent;                  /* by node, as bits */

/* ---- What is true ---- */

byte first[ALL + 1];                /* by number: the first content that stood */
byte greatest;

/* ---- Nodes ---- */

mtype = { ready, founding, listing, getting, archiving, archived, naming };
mtype step[WRITERS] = ready;
byte seen[WRITERS];                 /* the listing's last name so far */
byte seenContent[WRITERS];          /* and the generation that it showed */
byte base[WRITERS];                 /* the manifest that it has read; 0: none so far */
byte attempt[WRITERS];              /* its attempts so far */
bit unsure[WRITERS];                /* whether the last one, answered, counted */
byte needs[WRITERS];                /* the greatest when the read began */

#define NOT_FOUNDED 255
byte p, a;                           /* of single steps */
#define DONE p = 0; a = 0

#define ATTEMPT(writer) ((writer) * ATTEMPTS + attempt[writer])
#define HAS(content, attempt) ((named[content] & BIT(attempt)) != 0)

/* ---- The store ---- */

inline landManifest(content) {
    manifest[number[content]] = content;
    printf("store: manifest %d of attempt %d stands\n", number[content], content);
    if
    :: first[number[content]] == ABSENT ->
        first[number[content]] = content;
        HOLDS("a manifest is computed from the one before it",
            number[content] == 0 || number[content] == greatest + 1);
        HOLDS("archives only grow",
            number[content] == 0 || (named[first[greatest]] & ~named[content]) == 0);
        HOLDS("there is one cluster", number[content] == 0 || cluster[content] == first[0]);
        greatest = number[content]
    :: else ->
        printf("store: it is a ghost, the number was free again\n");
#ifdef NEVER_GHOST
        HOLDS("never: a ghost of a writer that lost stands", first[number[content]] == content)
#endif
    fi;
    checkArchives()
}

inline checkArchives() {
    HOLDS("10: each archive that the greatest manifest names exists",
        (named[first[greatest]] & ~archives) == 0)
}

/* ---- A manifest read: a listing to its last page, then a get of the very object listed ---- */

inline beginRead(node) {
#ifdef WRONG_PROBE
    seen[node] = (base[node] == 0 -> 0 : number[base[node]]);
    seenContent[node] = base[node];
#else
    seen[node] = 0;
    seenContent[node] = ABSENT;
#endif
    needs[node] = (first[0] == ABSENT -> NOT_FOUNDED : greatest);
    step[node] = listing;
    printf("node %d: begins a manifest read, the greatest is %d\n", node, greatest)
}

/* A page of one name: the first from the last page's on. A page without one is the last. */
inline nextPage(node) {
#ifndef WRONG_PROBE
    a = (seenContent[node] == ABSENT -> seen[node] : seen[node] + 1);
    do
    :: a <= ALL && manifest[a] == ABSENT -> a++
    :: else -> break
    od;
#else
    a = seen[node] + (seenContent[node] != ABSENT -> 1 : 0);
    a = (a <= ALL && manifest[a] == ABSENT -> ALL + 1 : a);
#endif
    if
    :: a <= ALL -> seen[node] = a; seenContent[node] = manifest[a]
    :: else -> step[node] = getting
    fi
}

#ifdef NO_GENERATION
#define IS_WHAT_WAS_LISTED(node) (manifest[seen[node]] != ABSENT)
#else
#define IS_WHAT_WAS_LISTED(node) (manifest[seen[node]] == seenContent[node])
#endif

inline endRead(node) {
    if
    :: seenContent[node] == ABSENT -> found(node)
    :: seenContent[node] != ABSENT && IS_WHAT_WAS_LISTED(node) ->
        base[node] = manifest[seen[node]];
        printf("node %d: has read manifest %d of attempt %d\n", node, seen[node], base[node]);
        HOLDS("a manifest read finds one that counts, as new as the read",
            first[seen[node]] == base[node]
            && (needs[node] == NOT_FOUNDED || seen[node] >= needs[node]));
        HOLDS("there is one cluster", cluster[base[node]] == first[0]);
        judge(node)
    :: else -> beginRead(node)
    fi
}

/* A node that finds no manifest, and never saw one, founds. A manifest read follows in any case. */
inline found(node) {
    HOLDS("a listing is empty only before the founding",
        base[node] == ABSENT && needs[node] == NOT_FOUNDED);
    cluster[FOUNDED_BY(node)] = FOUNDED_BY(node);
    foundingSent = foundingSent | BIT(node);
    step[node] = founding;
    printf("node %d: founds\n", node)
}

/* Only a manifest read begun after the answer tells whether an attempt counted. */
inline judge(node) {
    if
    :: unsure[node] && HAS(base[node], ATTEMPT(node)) ->
        printf("node %d: attempt %d counts\n", node, ATTEMPT(node));
        HOLDS("what a writer takes to count, counts", HAS(first[greatest], ATTEMPT(node)))
    :: else
    fi;
    step[node] = ready;
    seen[node] = 0;
    seenContent[node] = ABSENT;
    needs[node] = 0;
    unsure[node] = false
}

/* ---- Writing ---- */

inline beginAttempt(node) {
    attempt[node]++;
    a = ATTEMPT(node);
#ifdef WRONG_KEEP_CONTENT
    /* What was computed from an older manifest goes out again under the next number. */
    named[a] = BIT(a) | (attempt[node] > 1 -> named[a - 1] : named[base[node]]);
#else
    named[a] = BIT(a) | named[base[node]];
#endif
    number[a] = number[base[node]] + 1;
    cluster[a] = cluster[base[node]];
    archiveSent = archiveSent | BIT(a);
    step[node] = archiving;
    printf("node %d: attempt %d: sends an archive for manifest %d\n", node, a, number[a])
}

inline nameArchive(node) {
    manifestSent = manifestSent | BIT(ATTEMPT(node));
    step[node] = naming;
    printf("node %d: sends manifest %d of attempt %d\n", node, number[ATTEMPT(node)], ATTEMPT(node))
}

/* Created, or exists: it is not told apart here, for neither says whether it counted. */
inline answered(node) {
    printf("node %d: is told that manifest %d exists\n", node, number[ATTEMPT(node)]);
#ifdef WRONG_ANSWER_COUNTS
    if
    :: manifest[number[ATTEMPT(node)]] == ATTEMPT(node) ->
        base[node] = ATTEMPT(node);
        unsure[node] = true;
        judge(node)
    :: else -> unsure[node] = true; beginRead(node)
    fi
#else
    unsure[node] = true;
    beginRead(node)
#endif
}

#ifdef WRONG_NAME_EARLY
#define MAY_NAME(node) true
#else
#define MAY_NAME(node) ((archives & BIT(ATTEMPT(node))) != 0)
#endif

/* ---- Deleting ---- */

#ifdef WRONG_DELETE_GREATEST
#define OLD(node, n) (n <= number[base[node]])
#else
#define OLD(node, n) (n < number[base[node]])
#endif
#ifdef DELETE_ZERO
#define FIRST_OLD 0
#else
#define FIRST_OLD 1
#endif
#define MAY_DELETE_MANIFEST(node, n) \
    (n >= FIRST_OLD && n <= ALL && manifest[n] != ABSENT && OLD(node, n))

#ifdef WRONG_DELETE_UNNAMED
#define MAY_BE_NAMED(node, content) false
#else
#define MAY_BE_NAMED(node, content) (number[content] > number[base[node]])
#endif
#define MAY_DELETE_ARCHIVE(node, content) (content <= ALL && (archives & BIT(content)) \
    && !HAS(base[node], content) && !MAY_BE_NAMED(node, content))

#ifdef WRONG_DELETE_UNREAD
/* As soon as the manifest that covers them is sent. */
#define MAY_DELETE_SEGMENT(node, n) \
    (!(segmentsDeleted & BIT(n)) && step[node] == naming && n < number[ATTEMPT(node)])
#else
#define MAY_DELETE_SEGMENT(node, n) \
    (!(segmentsDeleted & BIT(n)) && step[node] == ready && n < number[base[node]])
#endif

inline deleteSegment(node, position) {
    segmentsDeleted = segmentsDeleted | BIT(position);
    printf("node %d: deletes what lies below the floor at %d\n", node, position);
    HOLDS("10: nothing at or above the floor is deleted", position < greatest)
}

/* ---- Everybody ---- */

active [WRITERS] proctype Node() {
    do
    :: d_step { step[_pid] == ready -> beginRead(_pid); DONE }
    :: d_step { step[_pid] == listing -> nextPage(_pid); DONE }
    :: d_step { step[_pid] == getting -> endRead(_pid); DONE }
    :: d_step { step[_pid] == founding && manifest[0] != ABSENT -> beginRead(_pid); DONE }
    :: d_step { step[_pid] == ready && base[_pid] != ABSENT && attempt[_pid] < ATTEMPTS ->
        beginAttempt(_pid); DONE }
    :: d_step { step[_pid] == archiving && MAY_NAME(_pid) -> step[_pid] = archived }
    :: d_step { step[_pid] == archived -> nameArchive(_pid); DONE }
    :: d_step { step[_pid] == naming && manifest[number[ATTEMPT(_pid)]] != ABSENT ->
        answered(_pid); DONE }
    :: atomic {
        if
        :: MAY_DELETE_MANIFEST(_pid, 0) -> p = 0
        :: MAY_DELETE_MANIFEST(_pid, 1) -> p = 1
        :: MAY_DELETE_MANIFEST(_pid, 2) -> p = 2
        :: MAY_DELETE_MANIFEST(_pid, 3) -> p = 3
        :: MAY_DELETE_MANIFEST(_pid, 4) -> p = 4
        :: MAY_DELETE_MANIFEST(_pid, 5) -> p = 5
        fi;
        d_step { manifest[p] = ABSENT; printf("node %d: deletes manifest %d\n", _pid, p); DONE } }
    :: atomic {
        if
        :: MAY_DELETE_ARCHIVE(_pid, 1) -> p = 1
        :: MAY_DELETE_ARCHIVE(_pid, 2) -> p = 2
        :: MAY_DELETE_ARCHIVE(_pid, 3) -> p = 3
        :: MAY_DELETE_ARCHIVE(_pid, 4) -> p = 4
        :: MAY_DELETE_ARCHIVE(_pid, 5) -> p = 5
        :: MAY_DELETE_ARCHIVE(_pid, 6) -> p = 6
        fi;
        d_step {
            archives = archives & ~BIT(p);
            printf("node %d: deletes the archive of attempt %d\n", _pid, p);
            checkArchives();
            DONE } }
    :: atomic {
        if
        :: MAY_DELETE_SEGMENT(_pid, 0) -> p = 0
        :: MAY_DELETE_SEGMENT(_pid, 1) -> p = 1
        :: MAY_DELETE_SEGMENT(_pid, 2) -> p = 2
        fi;
        d_step { deleteSegment(_pid, p); DONE } }
    od
}

#define MANIFEST_LANDS(content) \
    (content <= ALL && (manifestSent & BIT(content)) && manifest[number[content]] == ABSENT)
#define FOUNDING_LANDS(node) ((foundingSent & BIT(node)) && manifest[0] == ABSENT)
#define ARCHIVE_LANDS(content) \
    (content <= ALL && (archiveSent & BIT(content)) && !(archives & BIT(content)))

active proctype Store() {
    do
    :: atomic {
        if
        :: FOUNDING_LANDS(0) -> p = FOUNDED_BY(0)
        :: FOUNDING_LANDS(1) -> p = FOUNDED_BY(1)
        :: MANIFEST_LANDS(1) -> p = 1
        :: MANIFEST_LANDS(2) -> p = 2
        :: MANIFEST_LANDS(3) -> p = 3
        :: MANIFEST_LANDS(4) -> p = 4
        :: MANIFEST_LANDS(5) -> p = 5
        :: MANIFEST_LANDS(6) -> p = 6
        fi;
        d_step { landManifest(p); DONE } }
    :: atomic {
        if
        :: ARCHIVE_LANDS(1) -> p = 1
        :: ARCHIVE_LANDS(2) -> p = 2
        :: ARCHIVE_LANDS(3) -> p = 3
        :: ARCHIVE_LANDS(4) -> p = 4
        :: ARCHIVE_LANDS(5) -> p = 5
        :: ARCHIVE_LANDS(6) -> p = 6
        fi;
        d_step {
            archives = archives | BIT(p);
            printf("store: the archive of attempt %d stands\n", p);
            DONE } }
    od
}
