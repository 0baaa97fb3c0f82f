"""What one request of a warp costs: sectors and lines of global memory, wavefronts of shared memory.

Global memory moves in sectors of 32 bytes, four to a cache line of 128: "the concurrent accesses of the threads of a
warp will coalesce into a number of transactions equal to the number of 32-byte transactions necessary to service all
of the threads of the warp" (CUDA C++ Best Practices Guide, "Coalesced Access to Global Memory", compute capability
6.0 and later).

Shared memory has 32 banks; successive 4-byte words lie in successive banks. Different words of one bank are fetched
one after the other; one word is given to any number of threads at once (CUDA C++ Programming Guide, "Shared Memory",
5.x and later):

    wavefronts = max over banks of the number of different words asked of that bank
"""

from collections import defaultdict

SECTOR, LINE = 32, 128  # bytes
BANKS, WORD = 32, 4  # number, bytes
ROW = BANKS * WORD  # bytes that all banks give at once


def segments(addresses, size, width=SECTOR):
    """How many aligned segments of `width` bytes hold the `size` bytes at each address.

    >>> segments(range(0, 128, 4), 4), segments(range(4, 132, 4), 4)
    (4, 5)
    """
    return len({s for a in addresses for s in (a // width, (a + size - 1) // width)})


def wavefronts(requests, size):
    """Passes over shared memory that one request of a warp takes, and how many it would take without conflicts.

    Elements of 8 bytes are served to half a warp at a time, of 16 to a quarter. That is the rule of older editions of
    the guide, from memory; it makes contiguous access free of conflicts, as it is measured to be.

    Parameters
    ----------
    requests : pairs (lane, address in bytes)
    size : int; bytes of an element

    Returns
    -------
    (int, int)

    >>> wavefronts([(t, 4 * t) for t in range(32)], 4), wavefronts([(t, 8 * t) for t in range(32)], 4)
    ((1, 1), (2, 1))
    """
    groups = defaultdict(lambda: defaultdict(set))
    together = max(1, min(BANKS, ROW // size))
    for lane, address in requests:
        for word in range(address // WORD, (address + size - 1) // WORD + 1):
            groups[lane // together][word % BANKS].add(word)
    return sum(max(map(len, banks.values())) for banks in groups.values()), len(groups)
