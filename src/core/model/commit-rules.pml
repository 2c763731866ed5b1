/*
 * The rules of commit.pml that can be left out, each beside what stands there instead.
 */

/* ---- Which segments count (section 3) ---- */

#ifdef NO_TERM_ORDER
#define CLAIM_COUNTS(epoch, now) ((epoch) + 1 != now)
#elif defined(WRONG_EQUAL_TERM)
#define CLAIM_COUNTS(epoch, now) (now == 0 || ((epoch) + 1 != now && TERM(epoch) >= TERM(now - 1)))
#else
#define CLAIM_COUNTS(epoch, now) (now == 0 || TERM(epoch) > TERM(now - 1))
#endif

#ifdef NO_PREVIOUS
#define FOLLOWS(segment, walk) true
#elif defined(WRONG_OTHER_BYTES)
#define FOLLOWS(segment, walk) \
    (PREVIOUS(segment) == last[walk] && ((segment & PREVIOUS_IS_SECOND) != 0) == lastIsSecond[walk])
#else
#define FOLLOWS(segment, walk) (PREVIOUS(segment) == last[walk])
#endif

/* ---- Exists: is what stands there mine (section 2)? ---- */

#ifdef WRONG_EXISTS_IS_ANOTHERS
#define STANDS(epoch, position) \
    (IS_CLAIM(store[position]) && store[position] == MINE(epoch, position))
#elif defined(WRONG_READ_BACK)
#define STANDS(epoch, position) (OWNER(store[position]) == epoch)
#else
#define STANDS(epoch, position) (store[position] == MINE(epoch, position))
#endif

/* ---- The table of producers, as a leader begins with it (section 8) ---- */

#ifdef PRODUCER
#ifdef NO_TABLE
#define FIRST_COUNT(epoch) 0
#elif defined(WRONG_TABLE_OF_CLAIM)
#define FIRST_COUNT(epoch) table[epoch]
#else
#define FIRST_COUNT(epoch) count[epoch]
#endif
#else
#define FIRST_COUNT(epoch) 0
#endif

/* ---- Fates (4.6), of a node that sends nothing new any more ---- */

#ifdef WRONG_FAIL_ALL
#define CERTAINLY_NOT(epoch, number, position) ((committed[epoch] & BIT(position)) == 0)
#elif defined(WRONG_ABSENT_SETTLES)
#define CERTAINLY_NOT(epoch, number, position) (store[position] == ABSENT)
#else
/* A claim of a greater term stands at or before it; or it is dead, or follows one that is. */
#define CERTAINLY_NOT(epoch, number, position) \
    (position >= deposedAt[epoch] || number > chainCount[epoch])
#endif

/* ---- Leading (4.2, 4.3) ---- */

#ifdef NO_FILL
#define MUST_FILL(epoch) false
#else
#define MUST_FILL(epoch) (GAPS(epoch) != 0)
#endif

#ifdef WRONG_WINDOW_OF_REQUESTS
/* Counts creates in flight, not positions past the known prefix; two at most here. */
#define IN_FLIGHT(epoch) (sentAt[epoch] & ~known[epoch])
#define ROOM(epoch) ((IN_FLIGHT(epoch) & (IN_FLIGHT(epoch) - 1)) == 0)
#else
#define ROOM(epoch) (next[epoch] < tail[epoch] + WINDOW)
#endif

/* ---- What proves a read (section 5) ---- */

#ifdef WRONG_PROOF_BY_REPEAT
#define NOT_A_PROOF(epoch) committed[epoch]     /* first sent before, but known to stand only now */
#else
#define NOT_A_PROOF(epoch) sentAt[epoch]
#endif
#ifdef WRONG_PROOF_BY_CREATED
#define PROOFS(epoch) created[epoch]
#else
#define PROOFS(epoch) committed[epoch]
#endif
#ifdef WRONG_LOOK_AHEAD
#define LOOK_AT(epoch) next[epoch]
#else
#define LOOK_AT(epoch) tail[epoch]
#endif
