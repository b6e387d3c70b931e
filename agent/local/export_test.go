package local

// LateIPv6 listens on ::1 when it comes.
var LateIPv6 = lateIPv6
