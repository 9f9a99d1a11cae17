/* SPDX-License-Identifier: Apache-2.0 */
/* A "kernel" that spins from its first instruction and never speaks: what a start that hangs looks
   like from outside. QEMU takes an ELF file with a PVH note (type 18, name "Xen") that holds the
   32-bit entry address. */
    .section .note.pvh, "a", @note
    .align 4
    .long 4, 4, 18
    .asciz "Xen"
    .long start
    .text
    .globl start, _start
start:
_start:
    jmp start
    .section .note.GNU-stack, "", @progbits
