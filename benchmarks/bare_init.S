/* SPDX-License-Identifier: Apache-2.0 */
/* The least that can be a guest's first process: one line to the console, which the kernel has
   opened for it, then sleep for ever. */
    .globl _start
    .text
_start:
#if defined(__x86_64__)
    movl $1, %eax /* write */
    movl $1, %edi
    leaq line(%rip), %rsi
    movl $(end - line), %edx
    syscall
1:  movl $34, %eax /* pause */
    syscall
    jmp 1b
#elif defined(__aarch64__)
    mov x8, #64 /* write */
    mov x0, #1
    adr x1, line
    mov x2, #(end - line)
    svc #0
1:  mov x8, #73 /* ppoll of nothing, without a limit */
    mov x0, #0
    mov x1, #0
    mov x2, #0
    mov x3, #0
    svc #0
    b 1b
#else
#error "no code for this architecture"
#endif
line:
    .ascii "bare init runs\n"
end:
    .section .note.GNU-stack, "", %progbits
