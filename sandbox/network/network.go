// Package network gives a container its network.
//
// The kernel offers network namespaces: interfaces, addresses, routes, ports
// and firewall rules of one's own (network_namespaces(7)). A new one holds
// nothing but a loopback interface that is down; learnbox sets it up, because
// programs expect to reach themselves at 127.0.0.1.
//
// Left out until the bridge exists: veth pairs, addresses, NAT, published ports.
package network
